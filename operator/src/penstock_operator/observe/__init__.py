"""Observation: everything that a decision needs, as facts. Reads only; what cannot be read becomes a fact as well."""
