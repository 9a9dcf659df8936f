"""Shared files live as long as a checkpoint needs them; claimed snapshots are deleted, others never."""

from pathlib import Path

import pytest

from penstock.checkpoint.claim import ClaimMode, claim_mode, dispose_snapshot
from penstock.checkpoint.shared import SharedFiles
from penstock.jobmanager.storage import JobStorage
from penstock_api.manifest import (
    CheckpointMetadata,
    NativeFile,
    NativeKeyed,
    OperatorState,
    SnapshotKind,
    StateObject,
    SubtaskState,
)


def checkpoint(job: Path, number: int, names: list[str]) -> CheckpointMetadata:
    """A completed checkpoint whose database has these shared files."""
    files = []
    for name in names:
        path = job / "shared" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sst")
        files.append(NativeFile(name=name, object=StateObject(path=f"file://{path}", size=3)))
    subtask = SubtaskState(index=0, native=[NativeKeyed(first=0, last=127, files=files)])
    state = OperatorState(
        uid="u", operator_id="0" * 32, name="n", parallelism=1, max_parallelism=128, subtasks=[subtask]
    )
    metadata = CheckpointMetadata(
        kind=SnapshotKind.CHECKPOINT,
        job_id=job.name,
        job_name="job",
        checkpoint_id=number,
        attempt=1,
        trigger_timestamp=1,
        completed_timestamp=2,
        python_version="3.11",
        penstock_version="0.1",
        operators=[state],
    )
    folder = job / f"chk-{number}"
    folder.mkdir(parents=True)
    (folder / "_metadata").write_text(metadata.model_dump_json())
    return metadata


def shared(job: Path) -> set[str]:
    return {path.name for path in (job / "shared").iterdir()}


def test_a_file_stays_until_no_task_can_build_on_it(tmp_path: Path) -> None:
    job = tmp_path / "job"
    files = SharedFiles(str(job), {})
    one = checkpoint(job, 1, ["1-a-x.sst", "1-b-y.sst"])
    (job / "shared" / "2-aborted-z.sst").write_bytes(b"")
    (job / "shared" / "9-running-z.sst").write_bytes(b"")
    assert files.sweep([one]) == 0
    three = checkpoint(job, 3, ["1-b-y.sst", "3-c-z.sst"])
    assert files.sweep([three]) == 1
    assert shared(job) == {"1-a-x.sst", "1-b-y.sst", "3-c-z.sst", "9-running-z.sst"}
    files.sweep([checkpoint(job, 4, ["3-c-z.sst"])])
    assert "1-a-x.sst" in shared(job)
    files.sweep([checkpoint(job, 5, ["3-c-z.sst"])])
    assert shared(job) == {"1-b-y.sst", "3-c-z.sst", "9-running-z.sst"}
    files.sweep([checkpoint(job, 6, ["3-c-z.sst"])])
    assert shared(job) == {"3-c-z.sst", "9-running-z.sst"}


def test_pruning_keeps_what_retained_checkpoints_need(tmp_path: Path) -> None:
    job = tmp_path / ("a" * 32)
    storage = JobStorage(str(tmp_path), job.name, {}, None)
    for number in range(1, 8):
        checkpoint(job, number, [f"{number}-{part}-x.sst" for part in "ab"] + ["1-base-x.sst"])
        storage.prune(2)
    assert sorted(path.name for path in job.glob("chk-*")) == ["chk-6", "chk-7"]
    assert {"1-base-x.sst", "6-a-x.sst", "7-a-x.sst"} <= shared(job)
    assert not {name for name in shared(job) if name.startswith(("2-", "3-"))}
    assert storage.store.newest() is not None


def test_a_job_that_keeps_nothing_leaves_nothing(tmp_path: Path) -> None:
    job = tmp_path / ("a" * 32)
    claimed = tmp_path / "old"
    checkpoint(claimed, 1, [])
    settings = {"execution.state-recovery.claim-mode": "CLAIM"}
    storage = JobStorage(str(tmp_path), job.name, settings, str(claimed / "chk-1"))
    storage.prune(0)
    assert (claimed / "chk-1").exists()
    checkpoint(job, 2, ["2-a-x.sst"])
    storage.prune(0)
    assert not list(job.rglob("*.sst"))
    assert not list(job.glob("chk-*"))
    assert not (claimed / "chk-1").exists()


def test_disposal_spares_what_other_checkpoints_need(tmp_path: Path) -> None:
    job = tmp_path / "job"
    checkpoint(job, 1, ["1-a-x.sst"])
    checkpoint(job, 2, ["1-a-x.sst", "2-b-y.sst"])
    assert dispose_snapshot(f"file://{job}/chk-2/_metadata", {})
    assert shared(job) == {"1-a-x.sst"}
    assert not (job / "chk-2").exists()
    assert not dispose_snapshot(f"{job}/chk-2", {})
    assert dispose_snapshot(f"{job}/chk-1", {})
    assert shared(job) == set()


@pytest.mark.parametrize("mode", ["CLAIM", "NO_CLAIM", "LEGACY"])
def test_only_a_claimed_snapshot_is_deleted(tmp_path: Path, mode: str) -> None:
    old = tmp_path / "old"
    checkpoint(old, 5, ["5-a-x.sst"])
    job = tmp_path / ("b" * 32)
    settings = {"execution.state-recovery.claim-mode": mode}
    storage = JobStorage(str(tmp_path), job.name, settings, str(old / "chk-5"))
    checkpoint(job, 6, ["6-a-x.sst"])
    storage.prune(2)
    assert (old / "chk-5" / "_metadata").exists()
    checkpoint(job, 7, ["7-a-x.sst"])
    storage.prune(2)
    assert (old / "chk-5").exists() is (mode != "CLAIM")
    assert shared(old) == (set() if mode == "CLAIM" else {"5-a-x.sst"})


def test_claim_mode_is_read_from_both_keys() -> None:
    assert claim_mode({}) is ClaimMode.NO_CLAIM
    assert claim_mode({"execution.savepoint-restore-mode": "no-claim"}) is ClaimMode.NO_CLAIM
    assert claim_mode({"execution.state-recovery.claim-mode": "claim"}) is ClaimMode.CLAIM
    with pytest.raises(ValueError, match=r"execution.state-recovery.claim-mode is 'STEAL': use one of CLAIM"):
        claim_mode({"execution.state-recovery.claim-mode": "STEAL"})
