"""Sources one after the other, as one."""
