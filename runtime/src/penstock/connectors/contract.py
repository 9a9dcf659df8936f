"""What a connector implements. Sources: an enumerator in the JobManager and readers in slots; sinks: writers and committers.

Splits, positions, writer state and committables are JSON (dicts), so that the JobManager and the operator
read them without user code. A connector is found by entry point (group `penstock.connectors`: name → an
object with `create_enumerator`), so adding one edits nothing outside its folder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.operators.contract import Batch, Metrics

Split = dict[str, Any]
"""A part of a source with its position; `id` (str) is unique within the source and stable over restarts."""


class SplitEnumerator(Protocol):
    """Finds splits and says which subtask reads them. Lives in the JobManager; holds no user code.

    Calls never overlap; they may block for I/O (they run in a worker thread) but not longer than their own
    deadline. After a restore every split of the old readers is handed to `add_splits_back`, with its
    position.
    """

    def discover(self) -> None:
        """Look for splits. Called at the start and then every `discovery_interval_seconds`."""

    def take_assignments(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        """Splits to hand out now, by subtask. `waiting` are subtasks that asked for more work since the last call."""

    def add_splits_back(self, splits: Sequence[Split]) -> None:
        """Splits to hand out again: after a restore, with the positions of the snapshot."""

    def has_no_more_splits(self) -> bool:
        """A bounded source has handed out everything: readers that finish are finished for good."""

    def snapshot(self) -> dict[str, Any]:
        """State as JSON: what was discovered and what is not handed out yet."""

    def close(self) -> None:
        """Release resources."""

    @property
    def discovery_interval_seconds(self) -> float | None:
        """How often to discover again; None: never."""


class EnumeratorFactory(Protocol):
    """What the entry point of a source connector names."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """Make the enumerator, from its state if there is one."""

    # A factory may also have `describe(options: Mapping[str, Any]) -> dict[str, Any]`: where the source reads, as JSON
    # without secrets. It is shown over REST, and asks nobody.


@dataclass(slots=True, frozen=True)
class ReaderContext:
    """What a reader may use."""

    subtask_index: int
    parallelism: int
    task_name: str
    metrics: Metrics
    configuration: Mapping[str, str]
    wake: Callable[[], None]
    """Tell the task, from any thread, that `poll` has something to say."""


@dataclass(slots=True)
class SourceBatch:
    """Records of one split, in its order. `timestamps` are the source's own (Kafka's record time, say), or None."""

    split_id: str
    batch: Batch


class SourceReader(Protocol):
    """Reads splits in one subtask. `poll` never blocks: a native thread beside it may fill a bounded queue."""

    def open(self, ctx: ReaderContext) -> None:
        """Start."""

    def add_splits(self, splits: Sequence[Split]) -> None:
        """Read these too, each from its position."""

    def no_more_splits(self) -> None:
        """No split will be added any more."""

    def poll(self, max_records: int) -> SourceBatch | None:
        """The next records, None if there are none now. What is returned counts as read: the position is past it."""

    # A reader of several splits at a time may have `pause_splits(split_ids: Set[str]) -> None`: from now on `poll` returns
    # nothing of exactly these, which are ahead of others in event time (watermark alignment).
    # A reader may also have `where(index: int) -> str | None`: the place in the source of a record of the batch that
    # `poll` returned last, in words. It is asked for when a record could not be digested.

    def wants_splits(self) -> bool:
        """True when the reader would ask its enumerator for work."""

    def is_finished(self) -> bool:
        """No more records will ever come: all splits are at their end and no split will be added."""

    def split_ids(self) -> set[str]:
        """Ids of the splits that are not at their end. Cheap; may be asked at any time."""

    def snapshot(self) -> list[Split]:
        """For a checkpoint, and only then: the splits with the positions right after the last record that `poll` returned."""

    def notify_complete(self, checkpoint_id: int) -> None:
        """That checkpoint is complete (a Kafka reader commits its group's offsets)."""

    def close(self) -> None:
        """Stop threads and release resources; must not raise."""


@dataclass(slots=True, frozen=True)
class SinkContext:
    """What a sink may use."""

    job_id: str
    operator_id: str
    subtask_index: int
    parallelism: int
    old_parallelism: int
    """Parallelism in the restored state, else the present one."""
    attempt: int
    metrics: Metrics
    configuration: Mapping[str, str]


class SinkWriter(Protocol):
    """Writes records; with two phases, prepares at the barrier what the committer commits once the checkpoint is complete."""

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Start from the writer states that fall to this subtask; `checkpoint_id` is the restored one or None.

        Restored committables are committed (see Committer) before this is called, on every subtask.
        """

    def write(self, batch: Batch) -> None:
        """Take records. May buffer; may block briefly when the target pushes back."""

    def flush(self) -> None:
        """Everything written so far has reached the target (at least once) when this returns."""

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """Pre-commit what was written since the last call; returns committables (JSON). Empty for one-phase sinks."""

    def snapshot(self) -> list[dict[str, Any]]:
        """The writer's own state as JSON; called right after prepare_commit."""

    def close(self) -> None:
        """Release resources; does not commit; must not raise."""


class Committer(Protocol):
    """Commits what writers prepared. Every method is idempotent: after a crash it is called again with the same arguments."""

    def open(self, ctx: SinkContext) -> None:
        """Take the context; called once, before anything else. Does no I/O that may fail."""

    def commit(self, committables: Sequence[Mapping[str, Any]]) -> None:
        """Make it visible. Raises (the job fails, and says why) if it is lost for good."""

    def close(self) -> None:
        """Release resources; must not raise."""


class Sink(Protocol):
    """A sink as the program builds it; travels by cloudpickle to every slot."""

    def create_writer(self) -> SinkWriter:
        """A writer for one subtask."""

    def create_committer(self) -> Committer | None:
        """A committer, or None when the sink commits in one phase."""
