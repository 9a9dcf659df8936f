"""Operators: what a chain is made of, one a file."""
