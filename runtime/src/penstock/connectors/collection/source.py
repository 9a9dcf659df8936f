"""The values of a Python collection as a bounded source, in order, one split.

The values travel to the slot inside the reader's factory; the enumerator knows only how many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.connectors.contract import SplitEnumerator
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.fixed import FixedSplits
from penstock.connectors.in_memory import RangeReader
from penstock.graph.jobgraph import Boundedness


@dataclass(frozen=True, slots=True)
class _CollectionReaderFactory:
    values: tuple[Any, ...]

    def __call__(self) -> RangeReader:
        return RangeReader(lambda start, end: list(self.values[start:end]))


class CollectionEnumerators:
    """Makes the enumerator; `options` is `{"size": n}`."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """One split, whatever the parallelism: a collection has an order."""
        return FixedSplits([{"id": "collection", "position": 0, "end": int(options["size"])}], state)


FACTORY = CollectionEnumerators()


def collection_source(values: Sequence[Any]) -> SourceDefinition:
    """A source of these values."""
    held = tuple(values)
    return SourceDefinition(
        "collection", {"size": len(held)}, Boundedness.BOUNDED, _CollectionReaderFactory(held)
    )
