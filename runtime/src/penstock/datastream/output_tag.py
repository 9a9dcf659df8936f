"""Side outputs, in PyFlink's place."""

from penstock.common.output_tag import OutputTag

__all__ = ["OutputTag"]
