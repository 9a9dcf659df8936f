"""A load of a stub job, and the metrics that Flink's REST API would show of it: one source, which does all the work.

Held by `stub_jobmanager.py` for a resource's jobs, whichever of them runs. Moves on when it is asked: no thread, no clock
of its own.
"""

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.servers.stub_topic import StubTopic

PREFIX = "Source__clicks"


@dataclass
class StubLoad:
    """Records that arrive, and how many of them a slot can do. Tests may change any of it at any time."""

    rate: float
    """Records a second that arrive."""
    each: float
    """Records a second that a slot can do."""
    is_silent: bool = False
    """Whether the metrics are missing."""
    delay: float = 0.0
    """Seconds that an answer about metrics takes."""
    memory: float = 0.0
    """Bytes that each TaskManager uses; 0: nobody says."""
    topic: "StubTopic | None" = None
    """Where the records come from, for those who look there."""
    read: float = 0.0
    lag: float = 0.0
    at: float = field(default_factory=time.time)

    def details(self, about: dict[str, Any], vertex: dict[str, Any]) -> str:
        """GET /jobs/:id, with a plan and what was read."""
        parallelism = int(vertex["parallelism"])
        self._move(parallelism)
        counted = {"read-records": int(self.read), "write-records": int(self.read)}
        node = {"id": vertex["id"], "parallelism": parallelism}
        return json.dumps(
            {
                **about,
                "now": int(self.at * 1000),
                "timestamps": {"RUNNING": about["start-time"]},
                "vertices": [{**vertex, "metrics": counted}],
                "plan": {"jid": about["jid"], "name": about["name"], "nodes": [node]},
            }
        )

    def metrics(self, parallelism: int) -> str:
        """GET /jobs/:id/vertices/:v/subtasks/metrics, names and values at once."""
        if self.is_silent:
            return "[]"
        self._move(parallelism)
        busy = 1000.0 if self.lag >= 1 else min(1000.0, 1000.0 * self.rate / self.each / parallelism)
        share = {"min": busy, "max": busy, "avg": busy, "sum": busy * parallelism}
        pending = {"min": 0, "max": self.lag, "avg": self.lag / parallelism, "sum": self.lag}
        read = {"min": 0, "max": self.read, "avg": self.read / parallelism, "sum": self.read}
        return json.dumps(
            [
                {"id": "busyTimeMsPerSecond", **share},
                {"id": f"{PREFIX}.pendingRecords", **pending},
                {"id": f"{PREFIX}.numRecordsIn", **read},
            ]
        )

    def task_managers(self) -> str:
        """GET /taskmanagers/metrics: what the fullest of them uses."""
        used = {"Status.JVM.Memory.Heap.Used": 0.75, "Status.JVM.Memory.NonHeap.Used": 0.25}
        told = [(name, self.memory * share) for name, share in used.items()] if self.memory else []
        return json.dumps([{"id": name, "max": found, "sum": found} for name, found in told])

    def _move(self, parallelism: int) -> None:
        now = time.time()
        passed, self.at = now - self.at, now
        arrived = self.lag + self.rate * passed
        done = min(arrived, self.each * parallelism * passed)
        self.read, self.lag = self.read + done, arrived - done
