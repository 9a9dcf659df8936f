"""What an operator promises and what it is given. Implemented in `operators/` and `windows/`, driven by `taskmanager.chain`.

Everything here runs in the slot's one task thread: an operator never blocks, never starts threads that touch its state,
and hands every output to `ctx.output`. Records travel in batches; a batch's order is the stream's order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock.state.contract import KeyedStateBackend

MIN_TIMESTAMP = -(2**63)
"""A record without an event time, and the watermark before the first (Flink's Long.MIN_VALUE)."""
MAX_WATERMARK = 2**63 - 1
"""The watermark after the last record (Flink's Long.MAX_VALUE)."""


def is_batch_job(configuration: Mapping[str, str]) -> bool:
    """Whether the job runs in batch mode: nothing but final results leaves an operator, event time has one end."""
    return configuration.get("execution.runtime-mode") == "BATCH"


@dataclass(slots=True)
class Batch:
    """Records in stream order. `timestamps`, if given, is parallel to `values`: event time in ms since the epoch."""

    values: list[Any]
    timestamps: list[int] | None = None

    def __len__(self) -> int:
        return len(self.values)


class Output(Protocol):
    """Where an operator's results go: the next operators of the chain and the edges that leave it."""

    def emit(self, batch: Batch) -> None:
        """Pass records on. The batch must not be changed afterwards. An empty batch is dropped."""

    def emit_side(self, tag: str, batch: Batch) -> None:
        """Pass records to the side output of that tag; records of a tag that nobody reads are dropped."""

    def emit_watermark(self, timestamp: int) -> None:
        """Event time of this stream has reached `timestamp`. Never goes back."""

    def emit_idle(self, is_idle: bool) -> None:
        """This stream is idle (holds nobody's watermark back) or active again."""


class TimerService(Protocol):
    """Timers of one operator. Keyed timers belong to the backend's current key, are part of its key group and are unique by (time, namespace)."""

    def current_processing_time(self) -> int:
        """Milliseconds since the epoch."""

    def current_watermark(self) -> int:
        """The operator's event time; MIN_TIMESTAMP before the first watermark."""

    def register_event_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Call `on_event_timer` for the current key when the watermark reaches `timestamp`."""

    def register_processing_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Call `on_processing_timer` for the current key at or after `timestamp`."""

    def delete_event_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Forget that timer; no error if there is none."""

    def delete_processing_timer(self, timestamp: int, namespace: Any = None) -> None:
        """Forget that timer; no error if there is none."""

    def call_at(self, timestamp: int, callback: Callable[[int], None]) -> None:
        """Call back once in the task thread at processing time `timestamp`. Not keyed, not part of a snapshot."""


class Metrics(Protocol):
    """The operator's metric group; names appear in Flink's REST API and as Prometheus text."""

    def counter(self, name: str) -> Callable[[int], None]:
        """A function that adds to the counter `name`."""

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Publish what `read` returns when metrics are collected."""


@dataclass(slots=True, frozen=True)
class RestoredState:
    """What the snapshot holds for this subtask of an operator (keyed state is already in the backend).

    `operator` are the blobs of `OperatorSnapshot.operator`, of every old subtask whose share falls to this one;
    `union` those of all old subtasks. `writer` and `committables` likewise, as JSON of the connector.
    """

    checkpoint_id: int
    operator: Sequence[bytes] = ()
    union: Sequence[bytes] = ()
    writer: Sequence[Mapping[str, Any]] = ()
    committables: Sequence[Mapping[str, Any]] = ()
    old_parallelism: int = 1


@dataclass(slots=True, frozen=True)
class OperatorSnapshot:
    """What one subtask of an operator adds to a checkpoint beside its keyed state."""

    operator: bytes | None = None
    splits: Sequence[Mapping[str, Any]] = ()
    writer: Sequence[Mapping[str, Any]] = ()
    committables: Sequence[Mapping[str, Any]] = ()


def _at_once(mail: Callable[[], None]) -> None:
    mail()


def _to_nobody(group: str, timestamp: int | None) -> None:
    """Nobody listens."""


@dataclass(slots=True, frozen=True)
class OperatorContext:
    """Everything an operator may use; lives as long as the operator."""

    task_name: str
    operator_name: str
    operator_id: str
    subtask_index: int
    parallelism: int
    max_parallelism: int
    attempt: int
    job_id: str
    output: Output
    timers: TimerService
    metrics: Metrics
    configuration: Mapping[str, str]
    state: KeyedStateBackend | None = None
    """None unless the operator is keyed."""
    key_selectors: Sequence[Callable[[Any], Any]] = ()
    """One per input, for a keyed operator."""
    restored: RestoredState | None = None
    """None when the job started without state, or the state has nothing of this operator."""
    extra: dict[str, Any] = field(default_factory=dict)
    post: Callable[[Callable[[], None]], None] = _at_once
    """Run something in the task thread, soon; may be called from any thread. What it raises fails the task."""
    report_event_time: Callable[[str, int | None], None] = _to_nobody
    """Tell a group of sources how far this one is (None: idle or at its end); answered by the operator's `on_group_time`."""


class Operator(Protocol):
    """One operator of a chain, in one subtask.

    Order of calls: `open`; then any of process / on_*; for a checkpoint `prepare_snapshot`, `snapshot`, later exactly
    one of `notify_complete` / `notify_aborted` unless the job restarts; at the end of all input `finish`; last `close`,
    which always runs, also after a failure, and must not raise.
    """

    def open(self, ctx: OperatorContext) -> None:
        """Take the context; state is already restored."""

    def process(self, batch: Batch, input_index: int) -> None:
        """Handle records of an input (0, or 1 for the second input). Keyed operators set the backend's key themselves."""

    def on_watermark(self, timestamp: int) -> None:
        """Event time advanced to `timestamp` (the merged watermark of all inputs; event timers up to it have already fired). Forward it by `ctx.output.emit_watermark` unless the operator makes its own."""

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """A registered event timer fired; the backend's key is `key`."""

    def on_processing_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """A registered processing timer fired; the backend's key is `key`."""

    def prepare_snapshot(self, checkpoint_id: int) -> None:
        """Just before the barrier leaves: emit what must be before it. May emit."""

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        """Return non-keyed state as of the barrier. May not emit. A two-phase sink pre-commits here."""

    def notify_complete(self, checkpoint_id: int) -> None:
        """The checkpoint is complete: commit what was prepared for it and all earlier ones."""

    def notify_aborted(self, checkpoint_id: int) -> None:
        """The checkpoint will never be complete; what was prepared stays prepared for the next."""

    def finish(self) -> None:
        """All input has ended (after the MAX_WATERMARK). May emit."""

    def close(self) -> None:
        """Release resources."""


class Buffering(Protocol):
    """What an operator offers besides, if it holds records that it has taken and emits their results later by itself.

    All three or none. `process` must still take what it is given: `has_room` is asked before the next batch only.
    """

    def has_room(self) -> bool:
        """False holds the task's input back."""

    def is_settled(self) -> bool:
        """Nothing is held any more. The chain is finished only then; `ctx.post` is what makes the task ask again."""

    def set_quiet(self, is_quiet: bool) -> None:
        """Emit nothing by itself any more (a stop barrier has passed), or go on."""
