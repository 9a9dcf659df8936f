"""Incremental checkpoints, their pruning and the state reader against a real S3 server."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock.checkpoint.keyed_state import StoragePlace, load_keyed, store_keyed
from penstock.filesystems.registry import close_filesystems, open_filesystem
from penstock.jobmanager.storage import JobStorage
from penstock.launch.cli import app
from penstock.state.backends import KeyedPlace, make_backend
from penstock.state.contract import SlotBackend, SnapshotForm
from penstock_api.manifest import CheckpointMetadata, OperatorState, SnapshotKind, SubtaskState
from tests.servers import S3Server

pytestmark = pytest.mark.integration
JOB = "d" * 32


@pytest.fixture
def directory(s3: S3Server) -> Iterator[str]:
    """A checkpoint directory of its own."""
    yield f"{s3.make_bucket(f'state-{uuid.uuid4().hex[:12]}')}/checkpoints"
    close_filesystems()


def fill(state: SlotBackend, start: int, end: int) -> None:
    for key in range(start, end):
        state.set_current_key(key)
        state.table("s").put(f"value {key}")


def checkpoint(
    state: SlotBackend, storage: JobStorage, directory: str, number: int, settings: dict[str, str]
) -> CheckpointMetadata:
    """Take a checkpoint as a task and the JobManager do."""
    location = f"{directory}/{JOB}/chk-{number}"
    frozen = state.freeze(SnapshotForm.CHECKPOINT, number)
    while not frozen.step(0.01):
        pass
    stored = store_keyed(frozen, StoragePlace(location, f"op-0-{number}", settings))
    subtask = SubtaskState(index=0, keyed=stored.keyed, native=stored.native, states=state.declared())
    operator = OperatorState(
        uid="u", operator_id="0" * 32, name="n", parallelism=1, max_parallelism=128, subtasks=[subtask]
    )
    now = time.time_ns() // 1_000_000
    metadata = CheckpointMetadata(
        kind=SnapshotKind.CHECKPOINT,
        job_id=JOB,
        job_name="job",
        checkpoint_id=number,
        attempt=1,
        trigger_timestamp=now,
        completed_timestamp=now,
        python_version="3.11",
        penstock_version="0.1",
        operators=[operator],
    )
    storage.write(location, metadata)
    state.on_complete(number)
    storage.prune(2)
    return metadata


def test_checkpoints_share_files_on_s3_and_pruning_spares_them(
    s3: S3Server, directory: str, tmp_path: Path
) -> None:
    settings = {
        **s3.configuration,
        "state.backend.type": "rocksdb",
        "state.backend.rocksdb.localdir": str(tmp_path / "local"),
        "execution.checkpointing.incremental": "true",
    }
    place = KeyedPlace(128, 0, 127, "n")
    state = make_backend(place, settings)
    storage = JobStorage(directory, JOB, settings, None)
    storage.prepare()
    fill(state, 0, 20_000)
    first = checkpoint(state, storage, directory, 1, settings)
    for number in range(2, 4):
        fill(state, 20_000 + number * 100, 20_000 + number * 100 + 100)
        last = checkpoint(state, storage, directory, number, settings)
    state.close()

    largest = max(first.objects(), key=lambda stored: stored.size)
    again = next(stored for stored in last.objects() if stored.path == largest.path)
    assert again.is_reused
    newest = storage.store.newest()
    assert newest is not None
    assert newest.metadata.checkpoint_id == 3
    listed = {entry.path for entry in open_filesystem(directory, settings).list(directory)}
    assert {path.split("/")[-2] for path in listed if path.endswith("_metadata")} == {"chk-2", "chk-3"}
    assert {stored.path for stored in last.objects() if "/shared/" in stored.path} <= listed

    for kind in ("rocksdb", "hashmap"):
        restored = make_backend(place, {**settings, "state.backend.type": kind})
        load_keyed(last.operators[0].subtasks, newest.location, settings, restored)
        assert sum(1 for _ in restored.table("s").entries()) == 20_200
        restored.close()

    flags = [part for key, value in s3.configuration.items() for part in ("-D", f"{key}={value}")]
    done = CliRunner().invoke(app, ["state", "dump", newest.location, "--key", "77", *flags])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["value"] == "value 77"
