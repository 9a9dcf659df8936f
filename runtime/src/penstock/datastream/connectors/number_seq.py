"""A sequence of numbers as a source, in PyFlink's place."""

from penstock.connectors.sequence.source import sequence_source
from penstock.datastream.connectors.base import Source


class NumberSequenceSource(Source):
    """The whole numbers from `start` to `end`, both included."""

    def __init__(self, start: int, end: int) -> None:
        if start > end:
            raise ValueError(f"a sequence from {start} to {end} is empty: start must not be above end")
        super().__init__(sequence_source(start, end))
