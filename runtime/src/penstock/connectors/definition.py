"""A source as the API hands it to the graph: what the JobManager needs, and a reader's maker for the slots.

Built by connectors, taken by `datastream`'s `from_source`; holds nothing that is open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.connectors.contract import SourceReader
from penstock.graph.jobgraph import Boundedness, SourceSpec


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """One source. `options` are JSON for the enumerator; `create_reader` travels by cloudpickle."""

    connector: str
    options: Mapping[str, Any]
    boundedness: Boundedness
    create_reader: Callable[[], SourceReader]

    def spec(self) -> SourceSpec:
        """The part that goes into the job graph."""
        return SourceSpec(connector=self.connector, options=dict(self.options), boundedness=self.boundedness)
