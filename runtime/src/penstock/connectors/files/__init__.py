"""Files as a source (bounded, or watching folders) and as an exactly-once sink, on any file system of the port."""
