"""Which of a job's snapshots may go: more than are kept, or older. Pure; called by `reconcile/snapshot_history.py`.

The newest completed one always stays, and so does every one that a person asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, SnapshotState
from penstock_operator.decide.snapshot.labels import CHECKPOINT, SAVEPOINT, TRIGGER_TYPE, TYPE
from penstock_operator.decide.snapshot.times import milliseconds

_OVER = (SnapshotState.COMPLETED, SnapshotState.FAILED, SnapshotState.ABANDONED)
_OURS = ("PERIODIC", "UPGRADE")


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many are kept, and for how long."""

    savepoints: int = 10
    age: timedelta = timedelta(days=1)
    checkpoints: int = 1


def removable(
    siblings: Iterable[FlinkStateSnapshot], keeping: Keeping, now: int, in_use: str | None
) -> list[FlinkStateSnapshot]:
    """Those of one job that may go; `in_use` is the state that the job's next start would restore."""
    there = [each for each in siblings if each.metadata.deletion_timestamp is None]
    savepoints = [each for each in there if each.metadata.labels.get(TYPE) == SAVEPOINT]
    checkpoints = [each for each in there if each.metadata.labels.get(TYPE) == CHECKPOINT]
    found = _beyond(savepoints, keeping.savepoints, now - round(keeping.age.total_seconds() * 1000))
    found += _beyond(checkpoints, keeping.checkpoints, None)
    return [
        each for each in found if not in_use or (each.status.path or "").rstrip("/") != in_use.rstrip("/")
    ]


def _beyond(
    snapshots: Sequence[FlinkStateSnapshot], count: int, oldest: int | None
) -> list[FlinkStateSnapshot]:
    """Newest first: those past the count, and those from before `oldest`; never the newest completed one."""
    newest_first = sorted(snapshots, key=_moment, reverse=True)
    completed = (each for each in newest_first if each.status.state is SnapshotState.COMPLETED)
    newest = next(completed, None)
    ours = [
        each
        for each in newest_first
        if each.metadata.labels.get(TRIGGER_TYPE) in _OURS and each.status.state in _OVER
    ]
    return [
        each
        for index, each in enumerate(ours)
        if each is not newest and (index >= count or (oldest is not None and _moment(each) < oldest))
    ]


def _moment(snapshot: FlinkStateSnapshot) -> int:
    return milliseconds(snapshot.status.result_timestamp or snapshot.metadata.creation_timestamp)
