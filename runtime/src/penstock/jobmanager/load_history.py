"""How parallel each job was and how many records waited before its sources, over the last hour. Kept in memory only.

Fed by `Master`, which calls `look` twice a second; read by `rest/load.py`. It asks nobody: the figures are those that
slots reported. A job that is forgotten takes its history along.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.jobmanager.job import Job
from penstock.jobmanager.status import JobStatus

INTERVAL_MS = 10_000
"""Milliseconds between two points of a job that does not change."""
KEPT_MS = 3_600_000
MOST_POINTS = 1_200
"""Of a job: an hour's, with room for changes between; one that changes all the time has a shorter history."""
LAG = "pendingRecords"


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """A job at one moment."""

    at: int
    status: JobStatus
    parallelism: int
    """Of its widest vertex."""
    lag: float | None
    """Records that wait before its sources; None where no source says, or the job does not run."""


@dataclass(slots=True)
class LoadHistory:
    """Of all jobs of one JobManager."""

    interval: int = INTERVAL_MS
    _points: dict[str, deque[LoadPoint]] = field(default_factory=dict)

    def look(self, jobs: Mapping[str, Job], now: int) -> None:
        """Add a point to each job's history where one is due: the interval is over, or the job changed."""
        for gone in self._points.keys() - jobs.keys():
            del self._points[gone]
        for job_id, job in jobs.items():
            points = self._points.setdefault(job_id, deque(maxlen=MOST_POINTS))
            if points and points[-1].status.is_terminal:
                continue
            point = point_of(job, now)
            if not points or now - points[-1].at >= self.interval or _differs(points[-1], point):
                points.append(point)
            while points[0].at < now - KEPT_MS:
                points.popleft()

    def of(self, job_id: str) -> list[LoadPoint]:
        """Oldest first."""
        return list(self._points.get(job_id, ()))


def point_of(job: Job, now: int) -> LoadPoint:
    """The job now."""
    waiting = [one.metrics[LAG] for one in job.executions.values() if LAG in one.metrics]
    is_running = job.status is JobStatus.RUNNING
    widest = max((vertex.parallelism for vertex in job.graph.vertices), default=0)
    return LoadPoint(now, job.status, widest, sum(waiting) if waiting and is_running else None)


def _differs(before: LoadPoint, after: LoadPoint) -> bool:
    return (before.status, before.parallelism) != (after.status, after.parallelism)
