"""ORC files, in PyFlink's place."""

from penstock.formats.orc import OrcBulkWriters

__all__ = ["OrcBulkWriters"]
