"""Tables, in PyFlink's place. Present so far: the logical types that formats of the DataStream API take."""

from penstock.table.types import DataTypes

__all__ = ["DataTypes"]
