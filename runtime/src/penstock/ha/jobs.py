"""What a leader leaves behind for the next one: the graph of every job, and its newest checkpoint.

Graphs are files in `high-availability.storageDir`; the pointers to them, and to checkpoints, stand where leaders are
elected, and only the leader can change them. Called by the JobManager's storage and launcher, from worker threads.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

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
        self._filesystem.write(path, job.model_dump_json().encode())
        self._ha.write(_JOB + job.job_id, path)
        if old is not None:
            self._filesystem.delete(old)

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
            self._filesystem.delete(path)
