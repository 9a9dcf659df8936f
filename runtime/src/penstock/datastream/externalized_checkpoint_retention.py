"""ExternalizedCheckpointRetention, in PyFlink's place."""

from penstock.datastream.checkpointing_mode import ExternalizedCheckpointRetention

__all__ = ["ExternalizedCheckpointRetention"]
