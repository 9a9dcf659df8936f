"""The bundled stream runtime: PyFlink-compatible programs with exactly-once state."""
