"""Stream graph → job graph: which operators share a task, what runs with which parallelism, what the slots unpickle.

Called by the environment's `execute`, in the program's process. Pure: no clock, no I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.common.conversion import conversion_of
from penstock.graph.checks import check_nodes
from penstock.graph.jobgraph import EdgeSpec, JobGraph, OperatorSpec, Partitioner, VertexSpec
from penstock.graph.operator_ids import assign_operator_ids
from penstock.graph.program_module import dumps
from penstock.graph.streamgraph import GraphError, StreamGraph, StreamNode, Upstream
from penstock_api.keys import default_max_parallelism

_ONE_TO_ONE = (None, Partitioner.FORWARD)


@dataclass(frozen=True, slots=True)
class GraphDefaults:
    """What holds where an operator says nothing."""

    name: str
    parallelism: int
    max_parallelism: int | None = None
    is_chaining_enabled: bool = True
    configuration: dict[str, str] = field(default_factory=dict)
    program_module: bytes | None = None


@dataclass(slots=True)
class _Chain:
    """A vertex being made: nodes in topological order; fused neighbours are one group."""

    head: StreamNode
    groups: list[list[StreamNode]] = field(default_factory=list)
    inputs: list[int | None] = field(default_factory=list)
    """For each group the index of the group that feeds it."""
    side_outputs: list[str | None] = field(default_factory=list)


def build_job_graph(
    graph: StreamGraph, defaults: GraphDefaults, fuse: Callable[[list[Any]], Callable[[], Any]]
) -> JobGraph:
    """The job graph. `fuse` makes one operator factory of the steps of several stateless neighbours.

    GraphError if there is nothing to run, if two uids agree, or if a parallelism does not fit.
    """
    if not graph.nodes:
        raise GraphError(
            "the program defines no operators: read from a source and write to a sink before execute()"
        )
    check_nodes(graph)
    builder = _Builder(graph, defaults, fuse)
    builder.form_chains()
    edges = builder.edges()
    return JobGraph(
        name=defaults.name,
        vertices=[builder.vertex(chain) for chain in builder.chains],
        edges=edges,
        configuration=defaults.configuration,
        program_module=defaults.program_module,
    )


class _Builder:
    def __init__(
        self, graph: StreamGraph, defaults: GraphDefaults, fuse: Callable[[list[Any]], Callable[[], Any]]
    ) -> None:
        self.graph = graph
        self.defaults = defaults
        self.fuse = fuse
        self.ids = assign_operator_ids(graph)
        self.chains: list[_Chain] = []
        self.place: dict[int, tuple[_Chain, int]] = {}
        """Node id → its chain and group."""

    # ---------------------------------------------------------------------------------------------- decisions

    def parallelism(self, node: StreamNode) -> int:
        if node.must_chain:
            return self.parallelism(self.graph.nodes[node.upstreams[0].node])
        if node.is_single:
            return 1
        return node.parallelism or self.defaults.parallelism

    def is_chained(self, node: StreamNode) -> bool:
        """Whether a node runs in the task of what feeds it."""
        if len(node.upstreams) != 1:
            return False
        upstream = node.upstreams[0]
        feeder = self.graph.nodes[upstream.node]
        if node.must_chain:
            return True
        return (
            self.defaults.is_chaining_enabled
            and upstream.partitioner in _ONE_TO_ONE
            and node.is_chainable
            and feeder.is_chainable
            and not node.is_chain_start
            and self.parallelism(node) == self.parallelism(feeder)
            and self._group(node) == self._group(feeder)
        )

    def _group(self, node: StreamNode) -> str:
        """Slot sharing group; without one of its own a node takes that of its first input."""
        if node.slot_sharing_group is not None or not node.upstreams:
            return node.slot_sharing_group or "default"
        return self._group(self.graph.nodes[node.upstreams[0].node])

    def _fuses(self, node: StreamNode) -> bool:
        """Whether a chained node becomes one loop with the node before it."""
        upstream = node.upstreams[0]
        feeder = self.graph.nodes[upstream.node]
        return (
            node.steps is not None
            and feeder.steps is not None
            and upstream.side_output is None
            and len(self.graph.consumers(feeder.id)) == 1
            and node.uid is None
            and node.uid_hash is None
        )

    # ----------------------------------------------------------------------------------------------- assembly

    def form_chains(self) -> None:
        for node in self.graph.nodes:
            if not self.is_chained(node):
                chain = _Chain(node, [[node]], [None], [None])
                self.chains.append(chain)
                self.place[node.id] = (chain, 0)
                continue
            upstream = node.upstreams[0]
            chain, group = self.place[upstream.node]
            if self._fuses(node):
                chain.groups[group].append(node)
            else:
                chain.groups.append([node])
                chain.inputs.append(group)
                chain.side_outputs.append(upstream.side_output)
                group = len(chain.groups) - 1
            self.place[node.id] = (chain, group)

    def vertex(self, chain: _Chain) -> VertexSpec:
        parallelism = self.parallelism(chain.head)
        limit = self._max_parallelism(chain, parallelism)
        operators = [self._operator(chain, index) for index in range(len(chain.groups))]
        return VertexSpec(
            id=self.ids[chain.head.id],
            name=_chain_name(chain),
            parallelism=parallelism,
            max_parallelism=limit,
            operators=operators,
            source=chain.head.source,
            slot_sharing_group=self._group(chain.head),
            has_own_parallelism=any(
                node.is_single or node.parallelism is not None for group in chain.groups for node in group
            ),
        )

    def _max_parallelism(self, chain: _Chain, parallelism: int) -> int:
        own = [node for group in chain.groups for node in group if node.max_parallelism]
        strictest = min(own, key=lambda node: node.max_parallelism or 0, default=None)
        limit = strictest.max_parallelism if strictest is not None else self.defaults.max_parallelism
        if limit is None:
            return default_max_parallelism(parallelism)
        if parallelism > limit:
            raise GraphError(
                f"operator {(strictest or chain.head).name!r} has parallelism {parallelism} but max parallelism {limit}: "
                "lower the one or raise the other"
            )
        return limit

    def _operator(self, chain: _Chain, index: int) -> OperatorSpec:
        nodes = chain.groups[index]
        first = nodes[0]
        steps = [step for node in nodes for step in node.steps or ()]
        make = first.make if len(nodes) == 1 else self.fuse(steps)
        selector = first.key_selectors[0] if first.is_keyed else None
        return OperatorSpec(
            uid=first.uid or self.ids[first.id],
            operator_id=self.ids[first.id],
            name=" -> ".join(node.name for node in nodes),
            factory=_pickled(make, first),
            upstream=chain.inputs[index],
            side_output=chain.side_outputs[index],
            is_stateful=any(node.is_stateful for node in nodes),
            is_two_phase=any(node.is_two_phase for node in nodes),
            key_selector=_pickled(selector, first) if selector is not None else None,
            declared=self._declared(nodes[-1]),
        )

    def _declared(self, node: StreamNode) -> dict[str, bytes]:
        """The declared types of outputs that leave a chain of functions, as side outputs do: there records take their shape."""
        leaving = {
            upstream.side_output
            for consumer, upstream in self.graph.consumers(node.id)
            if upstream.side_output is not None or not (self.is_chained(consumer) and consumer.is_function)
        }
        kinds = {tag: node.declared if tag is None else node.declared_sides.get(tag) for tag in leaving}
        return {tag or "": _pickled(kind, node) for tag, kind in kinds.items() if conversion_of(kind)}

    def edges(self) -> list[EdgeSpec]:
        made: list[EdgeSpec] = []
        for chain in self.chains:
            for upstream in chain.head.upstreams:
                made.append(self._edge(chain.head, upstream, len(made)))
        return made

    def _edge(self, target: StreamNode, upstream: Upstream, number: int) -> EdgeSpec:
        feeder = self.graph.nodes[upstream.node]
        chain, group = self.place[upstream.node]
        partitioner = upstream.partitioner
        is_even = self.parallelism(feeder) == self.parallelism(target)
        if partitioner is None:
            partitioner = Partitioner.FORWARD if is_even else Partitioner.REBALANCE
        if partitioner is Partitioner.FORWARD and not is_even:
            raise GraphError(
                f"{feeder.name!r} (parallelism {self.parallelism(feeder)}) cannot forward to {target.name!r} "
                f"(parallelism {self.parallelism(target)}): use rebalance() or give both the same parallelism"
            )
        function = upstream.partition_function
        return EdgeSpec(
            id=f"{self.ids[chain.head.id]}_{number}",
            source_vertex=self.ids[chain.head.id],
            source_operator=group,
            side_output=upstream.side_output,
            target_vertex=self.ids[target.id],
            target_input=upstream.input_index,
            partitioner=partitioner,
            key_selector=_pickled(upstream.key_selector, target) if upstream.key_selector else None,
            partition_function=_pickled(function, target) if function else None,
        )


def _chain_name(chain: _Chain) -> str:
    """As Flink names a chain: `a -> b`, and `a -> (b, c -> d)` where it branches."""

    def name(index: int) -> str:
        own = " -> ".join(node.name for node in chain.groups[index])
        following = [other for other, feeder in enumerate(chain.inputs) if feeder == index]
        if not following:
            return own
        names = [name(other) for other in following]
        return f"{own} -> {names[0]}" if len(names) == 1 else f"{own} -> ({', '.join(names)})"

    return name(0)


def _pickled(value: Any, node: StreamNode) -> bytes:
    try:
        return dumps(value)
    except Exception as error:
        raise GraphError(
            f"operator {node.name!r} cannot be sent to a slot: {error}. "
            "Open files, sockets, locks and clients in the function's open() instead of holding them"
        ) from error
