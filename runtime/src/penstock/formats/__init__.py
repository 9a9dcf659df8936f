"""Formats: how bytes become records and back. Pure functions and small callables, shared by all connectors."""
