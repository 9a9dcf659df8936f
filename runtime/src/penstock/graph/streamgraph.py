"""The stream graph: what a program's calls built, one node an operator, before chaining.

Made by `penstock.datastream`, turned into a JobGraph by `graph.chaining`. Pure data and callables; nothing runs here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.common.type_information import TypeInformation
from penstock.graph.jobgraph import Partitioner, SourceSpec


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where an input of a node comes from, and how records travel from there."""

    node: int
    partitioner: Partitioner | None = None
    """None: forward where parallelisms agree, else rebalance."""
    side_output: str | None = None
    key_selector: Callable[[Any], Any] | None = None
    partition_function: Callable[[Any, int], int] | None = None
    input_index: int = 0


@dataclass(slots=True)
class StreamNode:
    """An operator as the program described it; names, uids and parallelism may still change."""

    id: int
    name: str
    make: Callable[[], Any]
    """Makes the Operator, or for a source the SourceReader."""
    upstreams: list[Upstream] = field(default_factory=list)
    steps: tuple[Any, ...] | None = None
    """The steps of a stateless operator, which may be fused with its neighbours (`operators.fused`)."""
    uid: str | None = None
    uid_hash: str | None = None
    description: str | None = None
    parallelism: int | None = None
    max_parallelism: int | None = None
    is_single: bool = False
    """Only ever runs with parallelism 1."""
    is_stateful: bool = False
    is_two_phase: bool = False
    is_keyed: bool = False
    key_selectors: tuple[Callable[[Any], Any], ...] = ()
    source: SourceSpec | None = None
    slot_sharing_group: str | None = None
    is_chain_start: bool = False
    is_chainable: bool = True
    must_chain: bool = False
    """Always chained to what feeds it (the timestamps of a source)."""
    declared: TypeInformation | None = None
    """The type that the program declared for the results of this operator's functions."""
    declared_sides: dict[str, TypeInformation] = field(default_factory=dict)
    """The same by side output."""
    is_function: bool = True
    """Hands objects to the next functions of its chain as they are. Sinks are none: what reaches them has its declared shape."""


@dataclass(slots=True)
class StreamGraph:
    """The nodes in the order in which the program made them, which is topological."""

    nodes: list[StreamNode] = field(default_factory=list)

    def add(self, name: str, make: Callable[[], Any], upstreams: list[Upstream]) -> StreamNode:
        """Add a node."""
        node = StreamNode(len(self.nodes), name, make, upstreams)
        self.nodes.append(node)
        return node

    def consumers(self, node_id: int) -> list[tuple[StreamNode, Upstream]]:
        """Who reads the output or a side output of a node."""
        return [
            (node, upstream) for node in self.nodes for upstream in node.upstreams if upstream.node == node_id
        ]


class GraphError(ValueError):
    """The program describes a job that cannot run; the message says what and how to mend it."""
