"""RuntimeExecutionMode, in PyFlink's place."""

from penstock.datastream.checkpointing_mode import RuntimeExecutionMode

__all__ = ["RuntimeExecutionMode"]
