"""Jobs and pointers that the next leader finds, and what a JobManager without a valid term may not do."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.checkpoint.store import CheckpointStore
from penstock.ha.contract import NotLeader
from penstock.ha.jobs import CheckpointPointer, JobStore, StoredJob
from penstock.jobmanager.events import (
    CancelWanted,
    MetadataFailed,
    MetadataWritten,
    PreparationFailed,
    Prepared,
)
from penstock.jobmanager.master import Master
from penstock.jobmanager.storage import JobStorage, KeptJob
from penstock.launch.recovery import recover_session
from penstock_api.manifest import CheckpointMetadata, SnapshotKind
from tests.ha.election_in_memory import Election, Member
from tests.jobmanager.job_world import graph

JOB = "e" * 32


def metadata(number: int, attempt: int) -> CheckpointMetadata:
    return CheckpointMetadata(
        kind=SnapshotKind.CHECKPOINT,
        job_id=JOB,
        job_name="job",
        checkpoint_id=number,
        attempt=attempt,
        trigger_timestamp=number,
        completed_timestamp=number,
        python_version="3",
        penstock_version="0",
        operators=[],
    )


class Leading:
    """One JobManager's storage of the job."""

    def __init__(self, election: Election, folder: Path) -> None:
        self.member = Member(election)
        self.member.lead()
        self.jobs = JobStore(self.member, f"file://{folder}/ha", "cluster", {})
        kept = KeptJob(self.jobs, StoredJob(job_id=JOB, graph="{}"))
        self.storage = JobStorage(f"file://{folder}/checkpoints", JOB, {}, None, kept)

    def prepare(self) -> Prepared:
        found = self.storage.prepare()
        assert isinstance(found, Prepared)
        return found

    def write(self, number: int, attempt: int) -> MetadataWritten | MetadataFailed:
        return self.storage.write(self.storage.store.location(number), metadata(number, attempt))


def test_next_leader_finds_the_job_and_its_newest_checkpoint(tmp_path: Path) -> None:
    election = Election()
    first = Leading(election, tmp_path)
    attempt = first.prepare().attempt
    assert isinstance(first.write(1, attempt), MetadataWritten)
    assert isinstance(first.write(2, attempt), MetadataWritten)
    first.storage.keep_requirements({"v": (1, 4)})
    second = Leading(election, tmp_path)
    (stored,) = second.jobs.jobs()
    assert stored.requirements == {"v": (1, 4)}
    assert second.jobs.checkpoint_of(JOB) == CheckpointPointer(2, second.storage.store.location(2))
    found = second.prepare()
    assert found.restored is not None
    assert (found.attempt, found.restored.metadata.checkpoint_id) == (attempt + 1, 2)


def test_pointer_finds_a_checkpoint_in_another_folder(tmp_path: Path) -> None:
    election = Election()
    first = Leading(election, tmp_path)
    first.write(3, first.prepare().attempt)
    moved = JobStorage(
        f"file://{tmp_path}/elsewhere", JOB, {}, None, KeptJob(first.jobs, StoredJob(job_id=JOB, graph=""))
    )
    found = moved.prepare()
    assert isinstance(found, Prepared)
    assert found.restored is not None
    assert found.restored.metadata.checkpoint_id == 3
    assert found.next_checkpoint_id == 4


def test_former_leader_claims_completes_and_deletes_nothing(tmp_path: Path) -> None:
    election = Election()
    first = Leading(election, tmp_path)
    attempt = first.prepare().attempt
    first.write(1, attempt)
    second = Leading(election, tmp_path)
    second.write(2, second.prepare().attempt)
    failed = first.write(2, attempt)
    assert isinstance(failed, MetadataFailed)
    assert failed.is_superseded
    refused = first.storage.prepare()
    assert isinstance(refused, PreparationFailed)
    assert refused.has_lost_term, "the job is the next leader's: it has not failed"
    assert failed.has_lost_term
    location = first.storage.store.location(2)
    forbidden: list[Callable[[], None]] = [
        lambda: first.storage.discard(location),
        lambda: first.storage.prune(0),
        lambda: first.storage.write_result("FINISHED"),
        lambda: first.storage.forget(),
        lambda: first.jobs.store(StoredJob(job_id=JOB, graph="{}")),
    ]
    for call in forbidden:
        with pytest.raises(NotLeader):
            call()
    store = CheckpointStore(f"file://{tmp_path}/checkpoints", JOB, {})
    assert [number for number, _ in store.completed_locations()] == [1, 2]
    assert store.read_result() is None
    assert len(second.jobs.jobs()) == 1


def test_leader_whose_attempt_was_overtaken_tries_again(tmp_path: Path) -> None:
    leading = Leading(Election(), tmp_path)
    attempt = leading.prepare().attempt
    CheckpointStore(f"file://{tmp_path}/checkpoints", JOB, {}).claim_attempt()
    failed = leading.write(1, attempt)
    assert isinstance(failed, MetadataFailed)
    assert not failed.is_superseded, "the job restarts with the next attempt"
    assert leading.prepare().attempt == attempt + 2


def test_what_the_program_needs_is_kept_with_the_job_and_goes_with_it(tmp_path: Path) -> None:
    election = Election()
    first = Leading(election, tmp_path)
    bundle = tmp_path / f"{'d' * 64}.zip"
    bundle.write_bytes(b"modules")
    kept = KeptJob(first.jobs, StoredJob(job_id=JOB, graph="{}"), bundle)
    storage = JobStorage(f"file://{tmp_path}/checkpoints", JOB, {}, None, kept)
    assert isinstance(storage.prepare(), Prepared)
    storage.keep_requirements({"v": (1, 4)})
    (stored,) = Leading(election, tmp_path).jobs.jobs()
    assert stored.bundle is not None
    first.member.lead()
    first.jobs.fetch_bundle(stored.bundle, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"modules"
    first.jobs.forget(JOB)
    assert not [path for path in (tmp_path / "ha").rglob("*") if path.is_file()]


def test_job_that_ended_is_not_left_behind(tmp_path: Path) -> None:
    leading = Leading(Election(), tmp_path)
    leading.write(1, leading.prepare().attempt)
    leading.storage.write_result("FINISHED")
    assert leading.jobs.jobs() == []
    assert leading.jobs.checkpoint_of(JOB) is None
    assert not [path for path in (tmp_path / "ha").rglob("*") if path.is_file()]


def kept_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "ha").rglob("*") if path.is_file())


def keep(leading: Leading, job_id: str, bundle: Path | None = None, written: str | None = None) -> None:
    """A job of the session, with checkpoints in the folder of the others."""
    spec = graph().model_dump_json()
    uri = leading.jobs.keep_bundle(job_id, bundle) if bundle else None
    leading.jobs.store(StoredJob(job_id=job_id, graph=spec, bundle=uri))
    if written is not None:
        kept = KeptJob(leading.jobs, StoredJob(job_id=job_id, graph=spec), is_stored=True)
        directory = leading.storage.store.folder.rpartition("/")[0]
        storage = JobStorage(directory, job_id, {}, None, kept)
        storage.store.claim_attempt()
        storage.store.write_result(written)


def test_files_that_no_pointer_leads_to_go_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "with [odd] name %"
    election = Election()
    first = Leading(election, folder)
    bundle = tmp_path / f"{'d' * 64}.zip"
    bundle.write_bytes(b"modules")
    keep(first, JOB, bundle)
    keep(first, "f" * 32)
    needed = kept_files(folder)
    # Killed after the pointer went and before the file did.
    first.member.delete(f"job-{'f' * 32}")
    second = Leading(election, folder)
    second.jobs.sweep()
    assert kept_files(folder) == [name for name in needed if name.startswith(JOB)]
    # Killed, or slow, between the file and its pointer: what this process wrote stays.
    second.jobs.keep_bundle("a" * 32, bundle)
    before = kept_files(folder)
    second.jobs.sweep()
    assert kept_files(folder) == before
    with pytest.raises(NotLeader):
        first.jobs.sweep()


def test_a_job_of_a_session_whose_end_is_on_record_does_not_run_again(tmp_path: Path) -> None:
    election = Election()
    first = Leading(election, tmp_path)
    keep(first, JOB)
    keep(first, "f" * 32, written="CANCELED")  # and killed before it was put away
    second = Leading(election, tmp_path)

    async def take_over() -> list[str]:
        master = Master({}, f"file://{tmp_path}/checkpoints", second.jobs)
        await recover_session(master, second.jobs, {}, tmp_path / "bundles")
        try:
            return list(master.jobs)
        finally:
            await master.close()

    assert asyncio.run(take_over()) == [JOB]
    assert [job.job_id for job in second.jobs.jobs()] == [JOB]
    # Of the other job nothing is left; a file of this one may just be written, under a name for the time being.
    assert not [name for name in kept_files(tmp_path) if name.startswith("f" * 32)]


def test_what_still_comes_after_the_end_of_a_term_is_left_alone(tmp_path: Path) -> None:
    async def end() -> None:
        master = Master({}, f"file://{tmp_path}/checkpoints")
        job = master.submit(graph(), JOB)
        await master.close()
        before = job.machine.job.status
        job.handle(CancelWanted())
        assert job.machine.job.status is before

    asyncio.run(end())
