"""Whole numbers from a first to a last, both included, as a bounded source split evenly over the subtasks."""

from collections.abc import Mapping
from typing import Any

from penstock.connectors.contract import SplitEnumerator
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.fixed import FixedSplits
from penstock.connectors.in_memory import RangeReader
from penstock.graph.jobgraph import Boundedness


def read_numbers() -> RangeReader:
    """A reader whose positions are the numbers themselves."""
    return RangeReader(lambda start, end: list(range(start, end)))


class SequenceEnumerators:
    """Makes the enumerator; `options` is `{"first": a, "last": b}`."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """As many even ranges as subtasks."""
        first, end = int(options["first"]), int(options["last"]) + 1
        count = max(0, end - first)
        bounds = [first + count * part // parallelism for part in range(parallelism + 1)]
        ranges = [
            {"id": str(part), "position": bounds[part], "end": bounds[part + 1]}
            for part in range(parallelism)
            if bounds[part] < bounds[part + 1]
        ]
        return FixedSplits(ranges, state)


FACTORY = SequenceEnumerators()


def sequence_source(first: int, last: int) -> SourceDefinition:
    """A source of the numbers from `first` to `last`."""
    return SourceDefinition("sequence", {"first": first, "last": last}, Boundedness.BOUNDED, read_numbers)
