"""Jobs as local processes, with a stand-in runtime: the whole loop on real files, processes, ports and SQLite."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, LifecycleState
from penstock_operator.local.home import HomeBusy, hold_home, operator_pid
from penstock_operator.local.runner import LocalRunner
from penstock_operator.platforms.local import LocalPlatform
from penstock_operator.platforms.local_process import living, send

RUNTIME = (sys.executable, str(Path(__file__).with_name("stand_in_runtime.py")))
DEADLINE = 90.0
pytestmark = pytest.mark.timeout(300)


class Operator:
    """An operator in threads of the test, which can be stopped and started again."""

    def __init__(self, home: Path, folder: Path | None = None) -> None:
        self.platform = LocalPlatform(home, RUNTIME)
        self._folder = folder
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        runner = LocalRunner(self.platform, self._folder)
        self._thread = threading.Thread(target=runner.run, args=(self._stop,))
        self._thread.start()

    def halt(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(30)
            self._thread = None

    def status(self, name: str = "clicks") -> FlinkDeploymentStatus:
        found = self.platform.store.read(name)
        return found.status if found else FlinkDeploymentStatus()

    def until(self, holds: Callable[[FlinkDeploymentStatus], bool]) -> FlinkDeploymentStatus:
        deadline = time.monotonic() + DEADLINE
        while not holds(self.status()):
            assert time.monotonic() < deadline, self.status().model_dump_json(indent=1, exclude_none=True)
            time.sleep(0.05)
        return self.status()

    def pids(self, role: str) -> list[int]:
        rows = [row for row in self.platform.store.processes("clicks") if row.role.startswith(role)]
        alive = living()
        return [pid for row in rows for pid in alive.get(row.token, ())]


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    made = Operator(tmp_path / "home")
    made.start()
    yield made
    made.halt()
    for pids in living().values():
        mine = [pid for pid in pids if str(tmp_path) in _command(pid)]
        send(mine, signal.SIGKILL)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., FlinkDeployment]:
    (tmp_path / "one.py").write_text("count()")
    (tmp_path / "two.py").write_text("count() # better")

    def make(program: str = "one.py", **job: object) -> FlinkDeployment:
        body = {
            "metadata": {"name": "clicks"},
            "spec": {
                "job": {
                    "jarURI": str(tmp_path / program),
                    "parallelism": 2,
                    "upgradeMode": "savepoint",
                    **job,
                },
                "flinkConfiguration": {
                    "state.checkpoints.dir": str(tmp_path / "chk"),
                    "state.savepoints.dir": str(tmp_path / "sp"),
                },
            },
        }
        return FlinkDeployment.from_wire(body)

    return make


def is_stable(status: FlinkDeploymentStatus) -> bool:
    return (
        status.lifecycle_state is LifecycleState.STABLE and status.job_status.state is FlinkJobState.RUNNING
    )


def has_checkpoint(status: FlinkDeploymentStatus) -> bool:
    return is_stable(status) and status.job_status.last_checkpoint is not None


def checkpoint_of(status: FlinkDeploymentStatus) -> str | None:
    newest = status.job_status.last_checkpoint
    return newest.path if newest else None


def test_job_is_deployed_upgraded_and_deleted(operator: Operator, manifest, tmp_path: Path) -> None:
    operator.platform.store.apply(manifest(), "u1")
    before = operator.until(has_checkpoint)
    assert len(operator.pids("taskmanager")) == 2
    operator.platform.store.apply(manifest("two.py", parallelism=3), "u1")
    after = operator.until(lambda s: is_stable(s) and s.job_status.job_id != before.job_status.job_id)
    assert "savepoint-" in (after.job_status.upgrade_savepoint_path or "")
    assert after.observed_generation == 2
    assert len(operator.pids("taskmanager")) == 3
    operator.platform.store.mark_deleting("clicks")
    deadline = time.monotonic() + DEADLINE
    while operator.platform.store.read("clicks") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not operator.platform.folder("clicks").exists()
    assert list((tmp_path / "sp").iterdir()), "state on storage stays"


def test_operator_that_comes_back_adopts_the_processes(operator: Operator, manifest) -> None:
    operator.platform.store.apply(manifest(), "u1")
    operator.until(has_checkpoint)
    before = operator.pids("")
    operator.halt()
    seen = checkpoint_of(operator.status())
    operator.start()
    operator.until(lambda s: is_stable(s) and checkpoint_of(s) != seen)  # it looks after the job again
    assert operator.pids("") == before


@pytest.mark.parametrize("role", ["jobmanager", "taskmanager-1"])
def test_killed_process_comes_back(operator: Operator, manifest, role: str) -> None:
    operator.platform.store.apply(manifest(), "u1")
    operator.until(has_checkpoint)
    [old] = operator.pids(role)
    os.kill(old, signal.SIGKILL)
    operator.until(lambda _: bool(operator.pids(role)) and operator.pids(role) != [old])
    operator.until(is_stable)


def test_upgrade_from_newest_checkpoint_when_all_is_gone(operator: Operator, manifest) -> None:
    operator.platform.store.apply(manifest(upgradeMode="last-state"), "u1")
    before = operator.until(has_checkpoint)
    operator.halt()
    for role in ("jobmanager", "taskmanager"):
        send(operator.pids(role), signal.SIGKILL)
    for row in operator.platform.store.processes("clicks"):
        operator.platform.store.drop_process("clicks", row.role)
    operator.platform.store.apply(manifest("two.py", upgradeMode="last-state"), "u1")
    operator.start()
    after = operator.until(lambda s: is_stable(s) and s.observed_generation == 2)
    assert after.job_status.job_id == before.job_status.job_id
    assert "chk-" in (after.job_status.upgrade_savepoint_path or "")


def test_suspended_job_has_no_processes(operator: Operator, manifest) -> None:
    operator.platform.store.apply(manifest(), "u1")
    operator.until(has_checkpoint)
    operator.platform.store.apply(manifest(state="suspended"), "u1")
    operator.until(lambda s: s.lifecycle_state is LifecycleState.SUSPENDED)
    assert operator.pids("") == []
    operator.platform.store.apply(manifest(), "u1")
    operator.until(is_stable)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("raise it", "ProgramFailed"), ("crash it", "CrashLoopBackOff")],
    ids=["raises", "crashes"],
)
def test_bad_program_is_named_and_corrected(
    operator: Operator, manifest, tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "bad.py").write_text(text)
    operator.platform.store.apply(manifest(), "u1")
    good = operator.until(has_checkpoint).reconciliation_status.last_stable_spec
    operator.platform.store.apply(manifest("bad.py"), "u1")
    bad = operator.until(lambda s: reason in (s.error or ""))
    assert bad.reconciliation_status.last_stable_spec == good
    operator.until(lambda _: any(e.reason == reason for e in operator.platform.store.events("clicks")))
    operator.platform.store.apply(manifest("two.py"), "u1")
    fixed = operator.until(lambda s: is_stable(s) and s.error is None)
    assert fixed.job_status.upgrade_savepoint_path


def test_program_that_is_not_there_is_refused(operator: Operator, manifest, tmp_path: Path) -> None:
    operator.platform.store.apply(manifest("none.py"), "u1")
    operator.until(lambda s: "ArtifactNotFound" in (s.error or ""))
    (tmp_path / "none.py").write_text("count()")
    operator.until(is_stable)


def test_named_savepoint_that_is_not_there_is_refused(operator: Operator, manifest, tmp_path: Path) -> None:
    operator.platform.store.apply(manifest(initialSavepointPath=str(tmp_path / "none")), "u1")
    operator.until(lambda s: "StateNotFound" in (s.error or ""))
    operator.platform.store.apply(manifest(), "u1")
    operator.until(is_stable)


def test_folder_of_manifests_is_followed(tmp_path: Path, manifest) -> None:
    import yaml

    folder = tmp_path / "manifests"
    folder.mkdir()
    body = manifest().to_wire()
    body.pop("status")
    (folder / "clicks.yaml").write_text(yaml.safe_dump(body))
    operator = Operator(tmp_path / "home2", folder)
    operator.start()
    try:
        operator.until(is_stable)
        (folder / "clicks.yaml").unlink()
        deadline = time.monotonic() + DEADLINE
        while operator.platform.store.read("clicks") is not None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        operator.halt()


def test_one_operator_a_home(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        assert operator_pid(tmp_path) == os.getpid()
        with pytest.raises(HomeBusy), hold_home(tmp_path):
            pass
    assert operator_pid(tmp_path) is None
