"""Connectors: a folder each, found by entry point; contract.py is what they implement."""
