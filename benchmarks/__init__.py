"""Measurements, each a module with a `main` that prints figures and the machine's part in them."""
