"""What a leader leaves behind for the next one: the graph of every job, what its program needs, its newest checkpoint.

Graphs and bundles are files in `high-availability.storageDir`; the pointers to them, and to checkpoints, stand where leaders are
elected, and only the leader can change them. Called by the JobManager's storage and launcher, from worker threads.
"""

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from penstock.filesystems.errors import FileMissing
from penstock.filesystems.registry import open_filesystem
from penstock.ha.contract import HighAvailability, NotLeader

_JOB, _CHECKPOINT = "job-", "checkpoint-"


class StoredJob(BaseModel):
    """A job as it was submitted. `graph` is the job graph's JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    graph: str
    savepoint: str | None = None
    allow_non_restored: bool = False
    requirements: dict[str, tuple[int, int]] | None = None
    """Vertex id → lower and upper bound, where they were changed."""
    bundle: str | None = None
    """URI of what the job's slots need beside its graph; None if nothing."""


@dataclass(slots=True, frozen=True)
class CheckpointPointer:
    """The newest completed checkpoint."""

    checkpoint_id: int
    location: str


class JobStore:
    """All jobs of the cluster."""

    def __init__(
        self, ha: HighAvailability, storage: str, cluster_id: str, configuration: Mapping[str, str]
    ) -> None:
        self._ha = ha
        self._folder = f"{storage.rstrip('/')}/{cluster_id}/jobs"
        self._filesystem = open_filesystem(self._folder, dict(configuration))
        self._written: set[str] = set()
        """Names of the files that this process wrote: the pointer to one may not stand yet."""

    @property
    def is_leader(self) -> bool:
        """This process certainly leads."""
        return self._ha.is_leader

    def check(self) -> None:
        """NotLeader unless this process certainly leads."""
        if not self.is_leader:
            raise NotLeader("this JobManager does not lead any more")

    def store(self, job: StoredJob) -> None:
        """Keep a job; an older version of it is replaced."""
        self.check()
        old = self._ha.read(_JOB + job.job_id)
        path = f"{self._folder}/{job.job_id}-{uuid.uuid4().hex}.json"
        self._written.add(_name_of(path))
        self._filesystem.write(path, job.model_dump_json().encode())
        self._ha.write(_JOB + job.job_id, path)
        if old is not None:
            self._filesystem.delete(old)

    def keep_bundle(self, job_id: str, bundle: Path) -> str:
        """Keep what a job's program needs beside itself; its URI, for the job. The file's name is its digest's."""
        self.check()
        uri = f"{self._folder}/{job_id}-{bundle.name}"
        self._written.add(_name_of(uri))
        self._filesystem.write(uri, bundle.read_bytes())
        return uri

    def fetch_bundle(self, uri: str, target: Path) -> None:
        """Bring it back."""
        target.write_bytes(self._filesystem.read(uri))

    def jobs(self) -> list[StoredJob]:
        """Every job that has not ended."""
        found = []
        for name in self._ha.names():
            path = self._ha.read(name) if name.startswith(_JOB) else None
            if path is not None:
                try:
                    found.append(StoredJob.model_validate_json(self._filesystem.read(path)))
                except FileMissing:
                    continue  # it ended between the two reads
        return found

    def point_at(self, job_id: str, checkpoint: CheckpointPointer) -> None:
        """That checkpoint is complete."""
        value = json.dumps({"id": checkpoint.checkpoint_id, "location": checkpoint.location})
        self._ha.write(_CHECKPOINT + job_id, value)

    def checkpoint_of(self, job_id: str) -> CheckpointPointer | None:
        """The newest completed one that was pointed at."""
        value = self._ha.read(_CHECKPOINT + job_id)
        if value is None:
            return None
        found = json.loads(value)
        return CheckpointPointer(int(found["id"]), str(found["location"]))

    def forget(self, job_id: str) -> None:
        """The job has ended."""
        path = self._ha.read(_JOB + job_id)
        self._ha.delete(_JOB + job_id)
        self._ha.delete(_CHECKPOINT + job_id)
        if path is not None:
            with contextlib.suppress(FileMissing, ValidationError):
                bundle = StoredJob.model_validate_json(self._filesystem.read(path)).bundle
                if bundle is not None:
                    self._filesystem.delete(bundle)
            self._filesystem.delete(path)

    def sweep(self) -> None:
        """Delete files that no pointer leads to: a leader was killed while it kept a job, or put one away.

        NotLeader unless this process leads after it has looked: whatever it found then is older than a next leader.
        """
        found = [status.path for status in self._filesystem.list(self._folder)]
        self.check()
        held = set(self._written)
        for name in self._ha.names():
            path = self._ha.read(name) if name.startswith(_JOB) else None
            if path is not None:
                held.add(_name_of(path))
                with contextlib.suppress(FileMissing):
                    bundle = StoredJob.model_validate_json(self._filesystem.read(path)).bundle
                    held.add(_name_of(bundle or ""))
        for path in found:
            if _name_of(path) not in held:
                self._filesystem.delete(path)


def _name_of(path: str) -> str:
    """The last part: a listing may write the folders before it in another way."""
    return path.rpartition("/")[2]
