"""Where bytes are kept: one port, one implementation per URI scheme, found by `registry.open_filesystem`."""
