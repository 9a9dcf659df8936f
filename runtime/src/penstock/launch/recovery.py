"""What a JobManager that has begun to lead finds of the leader before: jobs that run on, each with what its slots need.

Called by `launch.jobmanager` where `high-availability.type` is set. Storage and election may be away when a leader
begins: nothing is given up, it is tried again until the term ends.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from penstock.filesystems.errors import BucketMissing, FileSystemError, StorageAccessDenied
from penstock.ha.contract import HighAvailabilityDown, NotLeader
from penstock.ha.jobs import JobStore, StoredJob
from penstock.jobmanager.master import Master

log = logging.getLogger(__name__)
T = TypeVar("T")
RETRY_SECONDS = 1.0
_UNREADABLE = (BucketMissing, StorageAccessDenied)


async def left_behind(jobs: JobStore, wanted: str | None) -> StoredJob | None:
    """The job of an application, whose main has done its work; any where no id is wanted."""
    found = await _patiently(jobs.jobs, "jobs of the leader before")
    return next((job for job in found if wanted in (None, job.job_id)), None)


async def recover_session(master: Master, jobs: JobStore, bundles: dict[str, Path], folder: Path) -> None:
    """Every job of the session runs on; one that cannot is left out, and the log says why.

    A leader may have been killed between the end of a job and putting the job away: then that is done here.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for stored in await _patiently(jobs.jobs, "jobs of the leader before"):
        if await _has_ended(master, jobs, stored):
            continue
        bundle = None
        if stored.bundle is not None:
            uri, bundle = stored.bundle, folder / stored.bundle.rpartition("-")[2]
            await _patiently(lambda uri=uri, to=bundle: jobs.fetch_bundle(uri, to), f"{uri}")  # type: ignore[misc]
            bundles[bundle.stem] = bundle
        try:
            master.recover(stored, bundle)
        except ValueError as error:
            log.error("job %s cannot be taken over: %s", stored.job_id, error)
        else:
            log.info("job %s is taken over", stored.job_id)
    await sweep(jobs)


async def sweep(jobs: JobStore) -> None:
    """What a killed leader left half put away goes; nothing depends on it."""
    try:
        await asyncio.to_thread(jobs.sweep)
    except (FileSystemError, HighAvailabilityDown, NotLeader, ValueError) as error:
        log.warning("what earlier leaders left cannot be swept: %s", error)


async def _has_ended(master: Master, jobs: JobStore, stored: StoredJob) -> bool:
    try:
        result = await _patiently(
            lambda: master.result_of(stored), f"the end of job {stored.job_id}", _UNREADABLE
        )
    except (ValueError, *_UNREADABLE):
        return False  # neither its configuration nor its storage can be read: taking it over says so
    if result is None:
        return False
    log.info("job %s is %s: nothing runs again", stored.job_id, result)
    await _patiently(lambda: jobs.forget(stored.job_id), f"job {stored.job_id}")
    return True


async def _patiently(read: Callable[[], T], what: str, final: tuple[type[Exception], ...] = ()) -> T:
    while True:
        try:
            return await asyncio.to_thread(read)
        except final:
            raise
        except (FileSystemError, HighAvailabilityDown) as error:
            log.warning("%s cannot be read now: %s", what, error)
            await asyncio.sleep(RETRY_SECONDS)
