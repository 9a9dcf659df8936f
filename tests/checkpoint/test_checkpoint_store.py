"""Which snapshot is newest and whole, who may complete one, what is pruned."""

from pathlib import Path
from typing import Any

import pytest

from penstock.checkpoint.store import CheckpointStore, SnapshotProblem, Superseded
from penstock.filesystems.local import LocalFileSystem
from penstock_api.manifest import (
    CheckpointMetadata,
    OperatorState,
    SnapshotKind,
    StateObject,
    SubtaskState,
)

JOB = "e" * 32


def metadata(number: int, attempt: int = 1, **more: Any) -> CheckpointMetadata:
    subtask = SubtaskState(
        index=0, operator=[StateObject(path="state", size=3)], committables=more.pop("committables", [])
    )
    operator = OperatorState(
        uid="u", operator_id="f" * 32, name="op", parallelism=1, max_parallelism=128, subtasks=[subtask]
    )
    return CheckpointMetadata(
        kind=more.pop("kind", SnapshotKind.CHECKPOINT),
        job_id=JOB,
        job_name="job",
        checkpoint_id=number,
        attempt=attempt,
        trigger_timestamp=number,
        completed_timestamp=number,
        python_version="3",
        penstock_version="0",
        operators=[operator],
        **more,
    )


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(f"file://{tmp_path}/checkpoints", JOB, {})


def put(store: CheckpointStore, number: int, attempt: int = 1) -> str:
    location = store.location(number)
    folder = Path(location.removeprefix("file://"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state").write_bytes(b"abc")
    store.write(location, metadata(number, attempt), is_savepoint=False)
    return location


def test_newest_whole_checkpoint_is_found(store: CheckpointStore) -> None:
    assert store.newest() is None
    for number in (9, 10, 11):
        put(store, number)
    Path(store.location(11).removeprefix("file://"), "state").unlink()
    found = store.newest()
    assert found is not None
    assert found.metadata.checkpoint_id == 10
    assert store.highest_id() == 11


def test_each_claim_is_a_new_attempt(store: CheckpointStore) -> None:
    assert [store.claim_attempt() for _ in range(3)] == [1, 2, 3]


def test_superseded_attempt_completes_nothing(store: CheckpointStore) -> None:
    first = store.claim_attempt()
    put(store, 1, first)
    store.claim_attempt()
    with pytest.raises(Superseded):
        put(store, 2, first)
    found = store.newest()
    assert found is not None
    assert found.metadata.checkpoint_id == 1


def test_savepoint_counts_among_the_jobs_checkpoints_and_can_be_moved(
    store: CheckpointStore, tmp_path: Path
) -> None:
    folder = tmp_path / "savepoints" / "one"
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(b"abc")
    store.write(f"file://{folder}", metadata(4, kind=SnapshotKind.SAVEPOINT), is_savepoint=True)
    found = store.newest()
    assert found is not None
    assert found.metadata.checkpoint_id == 4
    store.discard(found.location)
    moved = folder.rename(tmp_path / "moved")
    assert store.load(str(moved)).metadata.checkpoint_id == 4


def test_committed_snapshot_has_nothing_left_to_commit(store: CheckpointStore) -> None:
    location = put(store, 1)
    path = Path(location.removeprefix("file://"), "_metadata")
    path.write_text(metadata(1, committables=[{"id": 1}], transaction_timeout_ms=5).model_dump_json())
    assert store.load(location).metadata.operators[0].subtasks[0].committables
    store.mark_committed(location, 1)
    loaded = store.load(location).metadata
    assert not loaded.operators[0].subtasks[0].committables
    assert loaded.transaction_timeout_ms is None


def test_a_savepoint_that_is_deleted_while_its_commits_are_noted_keeps_no_mark(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = put(store, 1)
    folder = Path(location.removeprefix("file://"))
    write = LocalFileSystem.write

    def deleted_meanwhile(self: LocalFileSystem, path: str, data: bytes) -> None:
        (folder / "_metadata").unlink()
        write(self, path, data)

    monkeypatch.setattr(LocalFileSystem, "write", deleted_meanwhile)
    store.mark_committed(location, 1)
    assert not (folder / "_committed").exists()


@pytest.mark.parametrize(
    ("break_it", "reason"), [("_metadata", "StateNotFound"), ("state", "StateIncomplete")]
)
def test_snapshot_that_is_not_whole_has_a_reason(store: CheckpointStore, break_it: str, reason: str) -> None:
    location = put(store, 1)
    Path(location.removeprefix("file://"), break_it).unlink()
    with pytest.raises(SnapshotProblem) as problem:
        store.load(location)
    assert problem.value.reason == reason


def test_end_of_a_job_is_kept(store: CheckpointStore) -> None:
    assert store.read_result() is None
    store.write_result("FINISHED")
    assert store.read_result() == "FINISHED"
