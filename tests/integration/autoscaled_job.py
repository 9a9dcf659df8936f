"""A job on the local platform with an autoscaler, its operator in a thread of the test, and a load that can be changed."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Producer

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.local.runner import LocalRunner
from penstock_operator.platforms.local import LocalPlatform
from penstock_operator.platforms.local_process import living, send

PROGRAM = Path(__file__).parent / "programs" / "running_counts.py"
"""Reads `user,page`, writes the running count of each user."""
TICK_SECONDS = 0.05


class Load:
    """Writes records at a rate that can be changed; 0 writes none."""

    def __init__(self, bootstrap: str, topic: str, rate: float) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
        self._topic, self.rate, self.written = topic, rate, Counter[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        """Many at a time, so that a machine with little time for this thread gets as many."""
        count, owed, before = 0, 0.0, time.monotonic()
        while not self._stop.wait(TICK_SECONDS):
            now = time.monotonic()
            owed, before = owed + self.rate * (now - before) if self.rate else 0.0, now
            while owed >= 1.0:
                user = f"user{count % 17}"
                self._producer.produce(self._topic, f"{user},page", partition=count % 8)
                self.written[user] += 1
                count, owed = count + 1, owed - 1.0
            self._producer.poll(0)

    def expected(self) -> Counter[str]:
        """What the job has to have written, each once."""
        return Counter(
            {f"{user},{number}": 1 for user, count in self.written.items() for number in range(1, count + 1)}
        )

    def end(self) -> None:
        """Write no more; everything written has arrived."""
        self._stop.set()
        self._thread.join(30)
        assert self._producer.flush(30) == 0


class Job:
    """The job, with an operator in a thread of the test that can be ended and started anew."""

    def __init__(self, folder: Path, arguments: list[str], options: Mapping[str, str]) -> None:
        self.platform = LocalPlatform(folder / "home")
        keys = {f"job.autoscaler.{key}": value for key, value in options.items()}
        body = {
            "metadata": {"name": "scaled"},
            "spec": {
                "engine": "Penstock",
                "flinkConfiguration": {
                    "execution.checkpointing.interval": "1 s",
                    "slot.idle.timeout": "2 s",
                    "state.checkpoints.dir": (folder / "checkpoints").as_uri(),
                    "state.savepoints.dir": (folder / "savepoints").as_uri(),
                    **keys,
                },
                "job": {
                    "jarURI": PROGRAM.as_uri(), "args": arguments, "parallelism": 1, "upgradeMode": "savepoint",
                },
            },
        }  # fmt: skip
        self.platform.store.apply(FlinkDeployment.from_wire(body), "uid")
        self.start_operator()

    def start_operator(self) -> None:
        """An operator that knows nothing but what is stored."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=LocalRunner(self.platform).run, args=(self._stop,))
        self._thread.start()

    def end_operator(self) -> None:
        """End it; the job runs on."""
        self._stop.set()
        self._thread.join(60)

    @property
    def status(self) -> FlinkDeploymentStatus:
        """Its status now."""
        found = self.platform.store.read("scaled")
        return found.status if found else FlinkDeploymentStatus()

    @property
    def is_running(self) -> bool:
        """Whether the job runs, as far as the operator has seen."""
        return self.status.job_status.state is FlinkJobState.RUNNING

    @property
    def processes(self) -> int:
        """How many processes of it are alive."""
        alive = living()
        return sum(len(alive.get(row.token, ())) for row in self.platform.store.processes("scaled"))

    @property
    def overrides(self) -> dict[str, int]:
        """What the autoscaler runs it with, once it runs so."""
        status = self.status
        is_done = status.scaling is not None and bool(status.scaling.done)
        return status.autoscaler.overrides if status.autoscaler and is_done and self.is_running else {}

    def close(self) -> None:
        """End the operator, and all processes of the job."""
        self.end_operator()
        alive = living()
        rows = self.platform.store.processes("scaled")
        send([pid for row in rows for pid in alive.get(row.token, ())], signal.SIGKILL)
