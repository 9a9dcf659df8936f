"""Commands to a slot and events from it. JobManager → TaskManager over HTTP (long poll), TaskManager → slot over a pipe.

Pure data; both ends are trusted by Decision 15 (mTLS between hosts, unix sockets of mode 0600 locally). Commands for a
slot are handled in the order in which they were sent: the checkpoint of a source's enumerator depends on it.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from penstock.graph.jobgraph import EdgeSpec, VertexSpec
from penstock_api.manifest import OperatorState, SubtaskState


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class SubtaskId(_Message):
    """A subtask of a vertex within an attempt of a job."""

    job_id: str
    attempt: int
    vertex_id: str
    index: int


class SlotAddress(_Message):
    """Where a slot's data server listens: `unix:PATH` on one host, `tcp:HOST:PORT` (TLS) between hosts."""

    slot_id: str
    host_id: str
    """Slots with the same host_id reach each other by `unix_path`."""
    unix_path: str
    tcp: str | None = None


class SubtaskDeployment(_Message):
    """One task to run in a slot."""

    vertex_id: str
    index: int
    restored: list[OperatorState] = []
    """State of this vertex's operators from the restored snapshot: all old subtasks whose state this subtask may need."""
    restored_splits: list[dict[str, Any]] = []


class DeployTasks(_Message):
    """Run these tasks. Once a slot; the slot answers with TaskStateChanged for each."""

    type: Literal["deploy"] = "deploy"
    job_id: str
    job_name: str
    attempt: int
    vertices: list[VertexSpec]
    """All vertices of the job (parallelisms are needed to partition)."""
    edges: list[EdgeSpec]
    tasks: list[SubtaskDeployment]
    slots: dict[str, SlotAddress]
    """Slot id → address, of every slot that the attempt uses."""
    placement: dict[str, list[str]]
    """Vertex id → slot id of each of its subtasks."""
    configuration: dict[str, str]
    program_module: bytes | None = None
    restored_checkpoint_id: int | None = None
    restored_location: str | None = None
    """Folder of the restored `_metadata`: relative object paths are under it."""


class AddSplits(_Message):
    """Give a source subtask splits to read; `no_more` says that these were the last."""

    type: Literal["add-splits"] = "add-splits"
    subtask: SubtaskId
    splits: list[dict[str, Any]] = []
    no_more: bool = False


class TriggerCheckpoint(_Message):
    """Start a checkpoint at the sources of this slot. Tasks write their objects under `location`."""

    type: Literal["trigger-checkpoint"] = "trigger-checkpoint"
    job_id: str
    attempt: int
    checkpoint_id: int
    timestamp: int
    location: str
    is_savepoint: bool = False
    stop: bool = False
    """Stop-with-savepoint: sources emit nothing after this barrier; tasks finish once it is complete and committed."""
    drain: bool = False
    """With `stop`: emit MAX_WATERMARK before the barrier, so that windows fire."""
    unaligned: bool = False
    """Barriers may overtake records in flight, which become part of the snapshot; never for a savepoint or a stop."""
    alignment_timeout_ms: int = 0
    """With `unaligned`: stay aligned until alignment has taken this long; 0 is unaligned from the start."""
    is_native: bool = False
    """A savepoint in the state backend's own form instead of the canonical one."""


class CheckpointCompleted(_Message):
    """Commit. Also sent for savepoints."""

    type: Literal["checkpoint-completed"] = "checkpoint-completed"
    job_id: str
    attempt: int
    checkpoint_id: int


class CheckpointAborted(_Message):
    """That checkpoint will never be complete."""

    type: Literal["checkpoint-aborted"] = "checkpoint-aborted"
    job_id: str
    attempt: int
    checkpoint_id: int


class WarmUp(_Message):
    """Load a job's code before its tasks are deployed here; answered by WarmedUp, whether it could be loaded or not."""

    type: Literal["warm-up"] = "warm-up"
    job_id: str
    attempt: int
    configuration: dict[str, str]
    program_module: bytes | None = None
    factories: list[bytes] = []


class GroupTime(_Message):
    """To a source of an alignment group: the lowest watermark of its sources; None if none holds the others back."""

    type: Literal["group-time"] = "group-time"
    subtask: SubtaskId
    group: str
    lowest: int | None

    @property
    def job_id(self) -> str:
        """Of the subtask."""
        return self.subtask.job_id

    @property
    def attempt(self) -> int:
        """Of the subtask."""
        return self.subtask.attempt


class CancelTasks(_Message):
    """Stop all tasks of that attempt in this slot, without a final state; answered by TaskStateChanged CANCELED."""

    type: Literal["cancel"] = "cancel"
    job_id: str
    attempt: int


class InspectionSubject(StrEnum):
    """What can be looked at in a process that runs."""

    THREADS = "threads"
    """The stack of every thread."""
    SAMPLES = "samples"
    """Where the slot's task thread is, looked at many times: what a flame graph is made of."""
    LOGS = "logs"
    """Names and sizes of log files."""
    LOG = "log"
    """The end of one log file."""
    STDOUT = "stdout"
    """The end of what the process and its slots printed, where that goes to a file."""


class Inspect(_Message):
    """Look at a slot's process, beside its task thread and without waiting for it; answered by Inspected."""

    type: Literal["inspect"] = "inspect"
    request_id: str
    subject: InspectionSubject
    name: str = ""
    """The log file that is wanted."""
    samples: int = 0
    interval_ms: int = 0


Command = Annotated[
    DeployTasks
    | AddSplits
    | TriggerCheckpoint
    | CheckpointCompleted
    | CheckpointAborted
    | CancelTasks
    | WarmUp
    | GroupTime
    | Inspect,
    Field(discriminator="type"),
]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class TaskState(StrEnum):
    """Flink's execution states."""

    CREATED = "CREATED"
    SCHEDULED = "SCHEDULED"
    DEPLOYING = "DEPLOYING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"
    FAILED = "FAILED"


class Failure(_Message):
    """Why something failed: the exception's class name, its text with traceback, and a Reason of the contract if one applies."""

    exception: str
    message: str
    stacktrace: str = ""
    reason: str | None = None
    timestamp: int = 0


class SlotReady(_Message):
    """The slot's process is up and its data server listens."""

    type: Literal["slot-ready"] = "slot-ready"
    address: SlotAddress
    pid: int


class TaskStateChanged(_Message):
    """A task moved to `state`. RUNNING comes after open() of all its operators and after restored commits are done."""

    type: Literal["task-state"] = "task-state"
    subtask: SubtaskId
    state: TaskState
    failure: Failure | None = None


class WarmedUp(_Message):
    """The slot has done what WarmUp asked for."""

    type: Literal["warmed-up"] = "warmed-up"
    job_id: str
    attempt: int


class EndOfData(_Message):
    """A task has seen the end of all its input and waits for a final checkpoint.

    Only in jobs with two-phase sinks and
    checkpointing on; tasks of others go straight to FINISHED.
    """

    type: Literal["end-of-data"] = "end-of-data"
    subtask: SubtaskId


class SplitsWanted(_Message):
    """A source subtask asks for work."""

    type: Literal["splits-wanted"] = "splits-wanted"
    subtask: SubtaskId


class CheckpointAcknowledged(_Message):
    """A task has stored its part. `states` maps operator_id → this subtask's state. Durations in ms."""

    type: Literal["checkpoint-ack"] = "checkpoint-ack"
    subtask: SubtaskId
    checkpoint_id: int
    states: dict[str, SubtaskState]
    transaction_timeout_ms: int | None = None
    alignment_ms: int = 0
    sync_ms: int = 0
    async_ms: int = 0
    start_delay_ms: int = 0


class CheckpointDeclined(_Message):
    """A task cannot take part; the checkpoint fails, the job goes on."""

    type: Literal["checkpoint-declined"] = "checkpoint-declined"
    subtask: SubtaskId
    checkpoint_id: int
    failure: Failure


class CommitDone(_Message):
    """All operators of the task handled CheckpointCompleted of that id (their sinks have committed)."""

    type: Literal["commit-done"] = "commit-done"
    subtask: SubtaskId
    checkpoint_id: int


class EventTimeReported(_Message):
    """How far a source of an alignment group is; None: idle or at its end. Answered by GroupTime."""

    type: Literal["event-time"] = "event-time"
    subtask: SubtaskId
    group: str
    watermark: int | None


class TaskMetrics(_Message):
    """Values by Flink's metric names of one subtask; sent every second or so."""

    type: Literal["metrics"] = "metrics"
    subtask: SubtaskId
    values: dict[str, float]


class Inspected(_Message):
    """What an inspection found; JSON values."""

    type: Literal["inspected"] = "inspected"
    request_id: str
    found: dict[str, Any]


class SlotLost(_Message):
    """Sent by the TaskManager, not the slot: the slot's process ended; a new one is on its way under a new slot id."""

    type: Literal["slot-lost"] = "slot-lost"
    slot_id: str
    exit_status: str
    failed_starts: int = 0
    """How many slots of the TaskManager in a row, this one among them, ended before they were ready."""


Event = Annotated[
    SlotReady
    | TaskStateChanged
    | WarmedUp
    | EndOfData
    | SplitsWanted
    | CheckpointAcknowledged
    | CheckpointDeclined
    | CommitDone
    | EventTimeReported
    | TaskMetrics
    | Inspected
    | SlotLost,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
