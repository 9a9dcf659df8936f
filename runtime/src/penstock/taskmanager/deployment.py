"""From a deployment to tasks that can be opened: user code, channels, edges, chains, restored state.

Used by `taskmanager.slot` in the task thread. `wire_channels` makes all channels first and opens nothing, so that every
sender finds its receiver; `build_task` then loads user code and state of one task, and may raise what user code raises.
"""

from collections.abc import Callable, Sequence
from typing import Any

from penstock.common.conversion import conversion_of
from penstock.connectors.contract import ReaderContext
from penstock.control.messages import DeployTasks, SubtaskDeployment, SubtaskId
from penstock.exchange.channels import InputChannel, InputGate
from penstock.exchange.edge_writer import EdgeWriter
from penstock.exchange.elements import ChannelId
from penstock.exchange.in_flight import ChannelPlace
from penstock.exchange.network import Network
from penstock.exchange.partitioners import (
    ChannelChooser,
    CustomChooser,
    HashChooser,
    RoundRobinChooser,
    ShuffleChooser,
    sources_of,
    targets_of,
)
from penstock.exchange.writers import ChannelWriter, LocalWriter
from penstock.graph.jobgraph import EdgeSpec, OperatorSpec, Partitioner, VertexSpec
from penstock.operators.contract import OperatorContext
from penstock.state.backends import KeyedPlace, make_backend
from penstock.taskmanager.chain import Chain, Link
from penstock.taskmanager.getters import as_getter
from penstock.taskmanager.intake import ChannelIntake, SourceIntake
from penstock.taskmanager.metrics import OperatorMetrics
from penstock.taskmanager.output import ChainOutput
from penstock.taskmanager.program import load_function
from penstock.taskmanager.restored import RestorePoint
from penstock.taskmanager.task import Task, TaskServices
from penstock.taskmanager.timers import OperatorTimers
from penstock_api.keys import key_group_range


class TaskPlan:
    """One task of a deployment, with the ends of its channels."""

    def __init__(self, deployment: DeployTasks, task: SubtaskDeployment) -> None:
        self.deployment = deployment
        self.spec = task
        self.vertex = next(vertex for vertex in deployment.vertices if vertex.id == task.vertex_id)
        self.gate = InputGate()
        self.inputs: dict[ChannelId, InputChannel] = {}
        self.edges: dict[int, EdgeWriter] = {}
        """By the edge's place in the deployment."""

    @property
    def subtask(self) -> SubtaskId:
        """Its identity."""
        deployment = self.deployment
        return SubtaskId(
            job_id=deployment.job_id,
            attempt=deployment.attempt,
            vertex_id=self.vertex.id,
            index=self.spec.index,
        )

    @property
    def name(self) -> str:
        """As Flink shows it: `Map (1/2)`."""
        return f"{self.vertex.name} ({self.spec.index + 1}/{self.vertex.parallelism})"


def wire_channels(deployment: DeployTasks, network: Network, own_slot: str) -> list[TaskPlan]:
    """Plans of all tasks of the deployment with their channels; senders in other slots are expected, not yet let in."""
    plans = [TaskPlan(deployment, task) for task in deployment.tasks]
    parallelism = {vertex.id: vertex.parallelism for vertex in deployment.vertices}
    for plan in plans:
        for number, edge in enumerate(deployment.edges):
            if edge.target_vertex != plan.vertex.id:
                continue
            counts = (parallelism[edge.source_vertex], plan.vertex.parallelism)
            for source in sources_of(edge.partitioner, plan.spec.index, *counts):
                channel_id = (number, source, plan.spec.index)
                place = ChannelPlace(edge.id, source, plan.spec.index, *counts)
                channel = plan.inputs[channel_id] = plan.gate.add_channel(edge.target_input, place)
                sender = deployment.placement[edge.source_vertex][source]
                if sender != own_slot:
                    network.expect(channel_id, channel, sender)
    return plans


def connect_edges(
    plans: Sequence[TaskPlan], network: Network, own_slot: str, key_selectors: "Selectors"
) -> None:
    """Give every plan the writers of its outgoing edges: local ones by reference, others over connections."""
    local = {channel_id: channel for plan in plans for channel_id, channel in plan.inputs.items()}
    for plan in plans:
        deployment = plan.deployment
        own_host = deployment.slots[own_slot].host_id
        for number, edge in enumerate(deployment.edges):
            if edge.source_vertex != plan.vertex.id:
                continue
            target = next(vertex for vertex in deployment.vertices if vertex.id == edge.target_vertex)
            counts = (plan.vertex.parallelism, target.parallelism)
            writers: list[ChannelWriter] = []
            places: list[ChannelPlace] = []
            for index in targets_of(edge.partitioner, plan.spec.index, *counts):
                channel_id = (number, plan.spec.index, index)
                places.append(ChannelPlace(edge.id, plan.spec.index, index, *counts))
                slot = deployment.placement[target.id][index]
                if slot == own_slot:
                    writers.append(LocalWriter(local[channel_id]))
                else:
                    writers.append(network.writer(channel_id, deployment.slots[slot], own_host))
            plan.edges[number] = EdgeWriter(
                writers, chooser_of(edge, target, plan.spec.index, len(writers), key_selectors), places
            )


class Selectors:
    """Key selectors and partition functions from bytes, each loaded once in a slot."""

    def __init__(self) -> None:
        self._loaded: dict[bytes, Callable[..., Any]] = {}

    def load(self, data: bytes, what: str) -> Callable[..., Any]:
        """The function; `what` names it in the error."""
        found = self._loaded.get(data)
        if found is None:
            found = self._loaded[data] = as_getter(load_function(data, what))
        return found


def chooser_of(
    edge: EdgeSpec, target: VertexSpec, source: int, channels: int, selectors: Selectors
) -> ChannelChooser | None:
    """What spreads the edge's records over its channels; None where every record goes to all of them."""
    if channels < 2 or edge.partitioner is Partitioner.BROADCAST:
        return None
    key_of = None
    if edge.key_selector is not None:
        key_of = selectors.load(edge.key_selector, f"the key selector before {target.name!r}")
    if edge.partitioner is Partitioner.HASH:
        if key_of is None:
            raise ValueError(f"the edge {edge.id} to {target.name!r} is hashed but has no key selector")
        return HashChooser(key_of, target.max_parallelism, target.parallelism)
    if edge.partitioner is Partitioner.CUSTOM and edge.partition_function is not None:
        function = selectors.load(edge.partition_function, f"the partitioner before {target.name!r}")
        return CustomChooser(key_of, function, target.parallelism)
    if edge.partitioner is Partitioner.SHUFFLE:
        return ShuffleChooser(channels)
    if edge.partitioner is Partitioner.GLOBAL:
        return _First()
    return RoundRobinChooser(channels, source)


class _First:
    """Everything to the first subtask."""

    def choose(self, values: list[Any]) -> list[int]:
        return [0] * len(values)


class TaskBuilder:
    """Makes the parts of one task: user code is loaded and state restored here."""

    def __init__(self, plan: TaskPlan, task: Task, services: TaskServices, selectors: Selectors) -> None:
        self._plan = plan
        self._task = task
        self._services = services
        self._selectors = selectors
        deployment = plan.deployment
        self._restore = (
            RestorePoint(
                deployment.restored_checkpoint_id,
                deployment.restored_location or "",
                plan.spec.restored,
                services.configuration,
            )
            if deployment.restored_checkpoint_id is not None
            else None
        )

    def build(self) -> None:
        """Load, restore and wire the chain; give it to the task."""
        vertex = self._plan.vertex
        specs = vertex.operators
        outputs = [_output(spec) for spec in specs]
        source = self._source(specs[0], outputs[0]) if vertex.source is not None else None
        links: list[Link | None] = [None] * len(specs)
        for index, spec in enumerate(specs):
            if index > 0 or source is None:
                links[index] = self._link(spec, outputs[index], is_head=index == 0)
        for link in links:
            if link is not None and link.spec.upstream is not None:
                outputs[link.spec.upstream].chain(link.spec.side_output, link)
        for number, writer in self._plan.edges.items():
            edge = self._plan.deployment.edges[number]
            outputs[edge.source_operator].connect(edge.side_output, writer)
        chain = Chain([link for link in links if link is not None])
        if source is not None:
            source.follow([link for link in chain.links if link.spec.upstream == 0])
            self._task.wire(chain, source, lambda: self._open_source(source))
        else:
            self._task.wire(chain, ChannelIntake(self._plan.gate, chain.links[0], self._task), lambda: None)

    def _source(self, spec: OperatorSpec, output: ChainOutput) -> SourceIntake:
        reader = load_function(spec.factory, f"source {spec.name!r}")()
        return SourceIntake(spec, reader, output)

    def _open_source(self, source: SourceIntake) -> None:
        plan = self._plan
        context = ReaderContext(
            subtask_index=plan.spec.index,
            parallelism=plan.vertex.parallelism,
            task_name=plan.name,
            metrics=source.metrics,
            configuration=self._services.configuration,
            wake=self._services.mailbox.wake,
        )
        source.open(context, plan.spec.restored_splits, self._task)

    def _link(self, spec: OperatorSpec, output: ChainOutput, *, is_head: bool) -> Link:
        plan, vertex = self._plan, self._plan.vertex
        operator = load_function(spec.factory, f"operator {spec.name!r}")()
        selectors = self._key_selectors(spec, is_head)
        backend = None
        if selectors:
            first, last = key_group_range(vertex.max_parallelism, vertex.parallelism, plan.spec.index)
            place = KeyedPlace(vertex.max_parallelism, first, last, spec.name, spec.operator_id)
            backend = make_backend(place, self._services.configuration)
        restored = None
        if self._restore is not None:
            if backend is not None:
                self._restore.load_keyed(spec.operator_id, backend)
            restored = self._restore.other_state(spec.operator_id, plan.spec.index, vertex.parallelism)
        context = OperatorContext(
            task_name=plan.name,
            operator_name=spec.name,
            operator_id=spec.operator_id,
            subtask_index=plan.spec.index,
            parallelism=vertex.parallelism,
            max_parallelism=vertex.max_parallelism,
            attempt=plan.deployment.attempt,
            job_id=plan.deployment.job_id,
            output=output,
            timers=OperatorTimers(spec.name, backend, self._task.call_at),
            metrics=OperatorMetrics(),
            configuration=self._services.configuration,
            state=backend,
            key_selectors=selectors,
            restored=restored,
            post=self._task.post,
            report_event_time=self._task.report_event_time,
        )
        return Link(spec, operator, context)

    def _key_selectors(self, spec: OperatorSpec, is_head: bool) -> list[Callable[[Any], Any]]:
        """One per input of a keyed operator; none for an operator without a key."""
        by_input: dict[int, bytes] = {}
        inputs = 1
        if is_head:
            for edge in self._plan.deployment.edges:
                if edge.target_vertex == self._plan.vertex.id:
                    inputs = max(inputs, edge.target_input + 1)
                    if edge.partitioner is Partitioner.HASH and edge.key_selector is not None:
                        by_input.setdefault(edge.target_input, edge.key_selector)
        if spec.key_selector is not None:
            by_input.setdefault(0, spec.key_selector)
        if not by_input:
            return []
        return [
            self._selectors.load(by_input[index], f"the key selector of {spec.name!r}")
            if index in by_input
            else _no_key
            for index in range(inputs)
        ]


def _output(spec: OperatorSpec) -> ChainOutput:
    output = ChainOutput()
    for tag, data in spec.declared.items():
        kind: Any = load_function(data, f"the declared type of {spec.name!r}")
        conversion = conversion_of(kind)
        if conversion is not None:
            output.declare(tag or None, conversion)
    return output


def _no_key(_record: Any) -> Any:
    raise TypeError("this input has no key: only keyed streams have one")
