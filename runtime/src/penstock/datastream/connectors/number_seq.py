"""PyFlink's number sequence source."""

from penstock.connectors.sequence.source import sequence_source
from penstock.datastream.connectors.base import Source

__all__ = ["NumberSequenceSource"]


class NumberSequenceSource(Source):
    """The whole numbers from `start` to `end`, both included."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(sequence_source(start, end))
