"""Clients: the only modules that speak to the outside. Typed values in and out; every error mapped to `errors.py`."""
