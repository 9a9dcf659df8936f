"""A real job on the local platform: killed, upgraded, restored from its newest checkpoint, and every click counted once.

Real runtime, real processes, real files; the counts are held against a plain pass over the same clicks.
"""

import os
import signal
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from examples.demo.verify import verify
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.local.runner import LocalRunner
from penstock_operator.platforms.local import LocalPlatform
from penstock_operator.platforms.local_process import living, send

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
DEADLINE = 90.0


class LocalJob:
    """The demo's job with an operator in a thread of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.platform = LocalPlatform(folder / "home")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=LocalRunner(self.platform).run, args=(self._stop,))
        self._thread.start()

    def halt(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(60)

    def apply(
        self, parallelism: int, mode: str = "savepoint", program: Path | None = None, interval: str = "1s"
    ) -> None:
        template = string.Template((ROOT / "examples" / "demo" / "deployment.yaml").read_text("utf-8"))
        source = program or ROOT / "examples" / "engagement" / "engagement.py"
        text = template.substitute(folder=self.folder, program=source, parallelism=parallelism)
        body = yaml.safe_load(text)
        body["spec"]["job"]["upgradeMode"] = mode
        body["spec"]["flinkConfiguration"]["execution.checkpointing.interval"] = interval
        self.platform.store.apply(FlinkDeployment.from_wire(body), "uid")

    def status(self) -> FlinkDeploymentStatus:
        found = self.platform.store.read("engagement")
        return found.status if found else FlinkDeploymentStatus()

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < deadline, f"{what}: {self.status().model_dump_json(exclude_none=True)}"
            time.sleep(0.1)

    def until_progress(self) -> None:
        """The wanted spec runs and completes a checkpoint that is newer than any seen now."""
        before = self._checkpoint()
        self.until("progress", lambda: self._runs() and self._checkpoint() > before)

    def _runs(self) -> bool:
        found, resource = self.status(), self.platform.store.read("engagement")
        is_current = resource is not None and found.observed_generation == resource.metadata.generation
        return (
            is_current and found.job_status.state is FlinkJobState.RUNNING and found.pending_savepoint is None
        )

    def _checkpoint(self) -> int:
        folder = self.folder / "checkpoints" / (self.status().job_status.job_id or "none")
        return max((int(path.parent.name[4:]) for path in folder.glob("chk-*/_metadata")), default=0)

    def is_scaled_to_two(self) -> bool:
        scaling = self.status().scaling
        return scaling is not None and scaling.parallelism == 2 and scaling.done is True

    def pids(self, role: str) -> list[int]:
        alive = living()
        rows = [row for row in self.platform.store.processes("engagement") if row.role.startswith(role)]
        return [pid for row in rows for pid in alive.get(row.token, ())]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    (tmp_path / "clicks").mkdir()
    made = LocalJob(tmp_path)
    made.start()
    yield made
    made.halt()
    send(made.pids(""), signal.SIGKILL)


@pytest.fixture
def clicks(job: LocalJob) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "examples.demo.clicks", str(job.folder / "clicks")]
    with subprocess.Popen(command, cwd=ROOT) as generator:
        yield generator
        generator.terminate()


def test_every_click_is_counted_once(job: LocalJob, clicks: subprocess.Popen[bytes]) -> None:
    job.apply(parallelism=1)
    job.until_progress()
    for role in ("taskmanager", "jobmanager"):
        os.kill(job.pids(role)[0], signal.SIGKILL)
        job.until_progress()
    job.apply(parallelism=2)
    job.until("a rescale in place", job.is_scaled_to_two)
    job.until_progress()
    assert job.status().job_status.upgrade_savepoint_path is None
    job.apply(parallelism=2, interval="2s")
    job.until(
        "an upgrade from its savepoint",
        lambda: "savepoint-" in (job.status().job_status.upgrade_savepoint_path or ""),
    )
    job.until_progress()
    job.halt()
    send(job.pids(""), signal.SIGKILL)
    job.apply(parallelism=1, mode="last-state")
    job.start()
    job.until(
        "a start from the newest checkpoint",
        lambda: "chk-" in (job.status().job_status.upgrade_savepoint_path or ""),
    )
    job.until_progress()
    clicks.send_signal(signal.SIGTERM)
    clicks.wait(20)
    job.until("exact counts", lambda: verify(job.folder / "clicks", job.folder / "out").is_exact)


def test_bad_programs_are_named_and_corrected(job: LocalJob, clicks: subprocess.Popen[bytes]) -> None:
    programs = {
        "ProgramFailed": "raise ValueError('as asked')",
        "ProgramNeverExecuted": "print('no job')",
        "ArtifactNotFound": None,
    }
    job.apply(parallelism=1)
    job.until_progress()
    stable = job.status().reconciliation_status.last_stable_spec
    for reason, text in programs.items():
        bad = job.folder / f"{reason}.py"
        if text is not None:
            bad.write_text(text)
        job.apply(parallelism=1, program=bad)
        job.until(reason, lambda reason=reason: reason in (job.status().error or ""))
        assert job.status().reconciliation_status.last_stable_spec == stable
    job.apply(parallelism=1)
    job.until("corrected", lambda: job._runs() and job.status().error is None)
    clicks.send_signal(signal.SIGTERM)
    clicks.wait(20)
    job.until("exact counts", lambda: verify(job.folder / "clicks", job.folder / "out").is_exact)
