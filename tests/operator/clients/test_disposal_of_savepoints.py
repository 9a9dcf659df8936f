"""A savepoint that is disposed of leaves nothing behind, also where an earlier attempt ended halfway."""

from pathlib import Path

import pytest

from penstock_api.manifest import COMMITTED_FILE, METADATA_FILE, CheckpointMetadata, SnapshotKind
from penstock_operator.clients.disposal import dispose_savepoint
from penstock_operator.clients.objectstore import StorageUnavailable, Stores


def savepoint(folder: Path, kind: SnapshotKind = SnapshotKind.SAVEPOINT) -> Path:
    path = folder / "savepoint-1"
    path.mkdir()
    metadata = CheckpointMetadata(
        kind=kind,
        job_id="e" * 32,
        job_name="job",
        checkpoint_id=1,
        attempt=1,
        trigger_timestamp=1,
        completed_timestamp=1,
        python_version="3",
        penstock_version="0",
        operators=[],
    )
    (path / METADATA_FILE).write_text(metadata.model_dump_json())
    (path / COMMITTED_FILE).write_text("{}")
    return path


def dispose(path: Path) -> None:
    with Stores({}) as stores:
        dispose_savepoint(path.as_uri(), stores)


def test_a_savepoint_whose_commits_are_made_leaves_nothing(tmp_path: Path) -> None:
    path = savepoint(tmp_path)
    dispose(path)
    assert not path.exists()
    dispose(path)


def test_an_attempt_that_ended_before_the_mark_is_finished_by_the_next(tmp_path: Path) -> None:
    path = savepoint(tmp_path)
    (path / METADATA_FILE).unlink()
    dispose(path)
    assert not path.exists()


def test_a_checkpoint_is_its_jobs(tmp_path: Path) -> None:
    path = savepoint(tmp_path, SnapshotKind.CHECKPOINT)
    with pytest.raises(StorageUnavailable, match="its job owns"):
        dispose(path)
    assert (path / METADATA_FILE).exists()
