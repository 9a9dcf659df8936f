"""A sink that drops every record; PyFlink has none."""

from penstock.connectors.discard.sink import DiscardingSink

__all__ = ["DiscardingSink"]
