"""A world around the pure machine: slots and storage that do at once what they are told. For the tests of this area."""

from dataclasses import dataclass, field

from penstock.checkpoint.settings import read_settings
from penstock.checkpoint.store import Snapshot
from penstock.control.messages import (
    CheckpointAcknowledged,
    Command,
    CommitDone,
    DeployTasks,
    EndOfData,
    Failure,
    SlotAddress,
    SubtaskId,
    TaskState,
    TaskStateChanged,
    TriggerCheckpoint,
    WarmedUp,
    WarmUp,
)
from penstock.graph.jobgraph import (
    Boundedness,
    EdgeSpec,
    JobGraph,
    OperatorSpec,
    Partitioner,
    SourceSpec,
    VertexSpec,
)
from penstock.jobmanager import effects, events
from penstock.jobmanager.job import Job
from penstock.jobmanager.machine import JobMachine
from penstock.jobmanager.status import JobStatus
from penstock_api.manifest import CheckpointMetadata, SubtaskState

SOURCE, SINK = "a" * 32, "b" * 32


def graph(parallelism: int = 2, **configuration: str) -> JobGraph:
    def vertex(vertex_id: str, name: str, source: SourceSpec | None) -> VertexSpec:
        operator = OperatorSpec(uid=name, operator_id=vertex_id, name=name, factory=b"")
        return VertexSpec(
            id=vertex_id,
            name=name,
            parallelism=parallelism,
            max_parallelism=128,
            operators=[operator],
            source=source,
        )

    source = SourceSpec(connector="test", boundedness=Boundedness.CONTINUOUS_UNBOUNDED)
    edge = EdgeSpec(
        id="e", source_vertex=SOURCE, source_operator=0, target_vertex=SINK, partitioner=Partitioner.HASH
    )
    return JobGraph(
        name="job",
        vertices=[vertex(SOURCE, "source", source), vertex(SINK, "sink", None)],
        edges=[edge],
        configuration=configuration,
    )


@dataclass
class World:
    configuration: dict[str, str]
    job_graph: JobGraph = field(default_factory=graph)
    now: int = 1_000
    attempt: int = 0
    slots_made: int = 0
    written: list[CheckpointMetadata] = field(default_factory=list)
    completed: list[Snapshot] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    returned: list[effects.ReturnSplits] = field(default_factory=list)
    pruned: list[int] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    committed: list[str] = field(default_factory=list)
    sent: list[Command] = field(default_factory=list)
    acknowledges: bool = True
    comes_up: bool = True
    warms_up: bool = True
    committables: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        configuration = {"state.checkpoints.dir": "/chk", "state.savepoints.dir": "/sp", **self.configuration}
        settings = read_settings(configuration)
        self.machine = JobMachine("c" * 32, self.job_graph, configuration, settings, False, self.now)
        self.job: Job = self.machine.job

    def status(self) -> JobStatus:
        return self.job.status

    def start(self, slots: int = 2) -> None:
        self.do(self.machine.start(self.now))
        self.offer(slots)

    def offer(self, slots: int = 2) -> None:
        names = [f"slot-{self.slots_made + i}" for i in range(slots)]
        self.slots_made += slots
        addresses = tuple(SlotAddress(slot_id=name, host_id="h", unix_path=f"/{name}") for name in names)
        self.handle(events.SlotsFree(addresses))

    def handle(self, event: events.JobEvent) -> None:
        self.do(self.machine.handle(event, self.now))

    def sleep(self, ms: int) -> None:
        self.now += ms
        self.handle(events.Tick())

    def do(self, wanted: list[effects.Effect]) -> None:
        for effect in wanted:
            self._one(effect)

    def _one(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Prepare):
            self.attempt += 1
            newest = effect.known or (self.completed[-1] if self.completed else None)
            self.handle(events.Prepared(self.attempt, newest, len(self.written) + 1))
        elif isinstance(effect, effects.Send):
            self.sent.append(effect.command)
            self._obey(effect)
        elif isinstance(effect, effects.ReleaseSlots):
            self.released.extend(effect.slot_ids)
        elif isinstance(effect, effects.SnapshotEnumerators):
            self.handle(
                events.EnumeratorsSnapshotted(effect.attempt, effect.checkpoint_id, {SOURCE: {"next": 1}})
            )
        elif isinstance(effect, effects.WriteMetadata):
            self.written.append(effect.metadata)
            self.completed.append(Snapshot(effect.location, effect.metadata))
            self.handle(events.MetadataWritten(effect.metadata.checkpoint_id))
        elif isinstance(effect, effects.Discard):
            self.discarded.append(effect.location)
        elif isinstance(effect, effects.ReturnSplits):
            self.returned.append(effect)
        elif isinstance(effect, effects.Prune):
            self.pruned.append(effect.keep)
        elif isinstance(effect, effects.StoreResult):
            self.results.append(effect.status)
        elif isinstance(effect, effects.MarkCommitted):
            self.committed.append(effect.location)

    def _obey(self, sent: effects.Send) -> None:
        command = sent.command
        if isinstance(command, DeployTasks) and self.comes_up:
            for task in command.tasks:
                self.task(task.vertex_id, task.index, TaskState.RUNNING)
        elif isinstance(command, WarmUp) and self.warms_up:
            warmed = WarmedUp(job_id=command.job_id, attempt=command.attempt)
            self.handle(events.FromSlot(sent.slot_id, warmed))
        elif isinstance(command, TriggerCheckpoint) and self.acknowledges:
            for execution in list(self.job.executions.values()):
                if execution.slot_id == sent.slot_id:
                    self.acknowledge(execution.vertex_id, execution.index, command.checkpoint_id)

    def subtask(self, vertex_id: str, index: int) -> SubtaskId:
        execution = self.job.executions.get((vertex_id, index))
        attempt = execution.attempt if execution and self.attempt == self.job.attempt else self.attempt
        return SubtaskId(job_id=self.job.id, attempt=attempt, vertex_id=vertex_id, index=index)

    def report(self, event: object) -> None:
        self.handle(events.FromSlot("slot", event))  # type: ignore[arg-type]

    def task(self, vertex_id: str, index: int, state: TaskState, failure: Failure | None = None) -> None:
        self.report(TaskStateChanged(subtask=self.subtask(vertex_id, index), state=state, failure=failure))

    def tasks(self, state: TaskState) -> None:
        for vertex_id, index in list(self.job.executions):
            self.task(vertex_id, index, state)

    def fail_task(self, message: str = "boom", reason: str | None = None) -> None:
        failure = Failure(exception="ValueError", message=message, reason=reason)
        self.task(SINK, 0, TaskState.FAILED, failure)

    def acknowledge(self, vertex_id: str, index: int, checkpoint_id: int) -> None:
        state = SubtaskState(
            index=index,
            splits=[{"id": f"s{index}"}] if vertex_id == SOURCE else [],
            committables=self.committables if vertex_id == SINK else [],
        )
        self.report(
            CheckpointAcknowledged(
                subtask=self.subtask(vertex_id, index), checkpoint_id=checkpoint_id, states={vertex_id: state}
            )
        )

    def end_of_data(self) -> None:
        for vertex_id, index in list(self.job.executions):
            self.report(EndOfData(subtask=self.subtask(vertex_id, index)))

    def commit_done(self, checkpoint_id: int) -> None:
        for index in range(2):
            self.report(CommitDone(subtask=self.subtask(SINK, index), checkpoint_id=checkpoint_id))

    def commands(self, kind: str) -> list[Command]:
        return [command for command in self.sent if command.type == kind]
