"""The operator's REST client and its observation of a job, against a real Flink 2.3 JobManager with the adaptive scheduler.

One job, in the order of its life: seen, scaled in place, saved under our own trigger id, stopped with a savepoint.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.peers.environments import FLINK, install, java_environment
from penstock_api.rest.job import ParallelismBounds, VertexRequirements
from penstock_api.rest.trigger import SavepointTriggerRequest, StopRequest
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, JobStatus, PendingSavepoint
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.model.facts import JobFacts
from penstock_operator.observe.job import observe_job
from tests.servers.install import java
from tests.servers.process import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
PROGRAM = Path(__file__).parent / "programs" / "flink_job_without_end.py"


class RealFlink:
    """A job on a JobManager of Flink's own, and what the operator sees of it."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self.job_id = ""

    def look(self, trigger: str | None = None) -> JobFacts:
        pending = PendingSavepoint(trigger_id=trigger, requested_at=1) if trigger else None
        status = FlinkDeploymentStatus(job_status=JobStatus(job_id=self.job_id), pending_savepoint=pending)
        return observe_job(self.url, status, timeout=30.0, with_vertices=trigger is None)

    def until(self, what: str, check: Callable[[], bool], seconds: float = 240.0) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, what
            time.sleep(0.1)


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealFlink]:
    install(FLINK)
    folder, port = tmp_path_factory.mktemp("flink"), free_port()
    own = java_environment()
    path = os.pathsep.join([str(FLINK.python.parent), str(Path(java()).parent), os.environ["PATH"]])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(FLINK.python), str(PROGRAM), str(port), str(folder)],
            env={**os.environ, **own, "PATH": own.get("PATH", path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    found = RealFlink(port, folder)
    try:
        found.until("a job on Flink's JobManager", lambda: _is_there(found))
        yield found
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_there(found: RealFlink) -> bool:
    try:
        with FlinkRest(found.url, 30.0) as rest:
            jobs = rest.jobs().jobs
    except JobManagerSilent:
        return False
    found.job_id = jobs[0].jid if jobs else ""
    return bool(jobs)


def test_operator_understands_a_real_job_manager(flink: RealFlink) -> None:
    flink.until("the job to run", lambda: flink.look().state is FlinkJobState.RUNNING)
    flink.until("a checkpoint", lambda: flink.look().last_checkpoint is not None)
    seen = flink.look()
    assert seen.version == "2.3.0"
    assert seen.application is None, "only the bundled runtime tells of its program"
    assert seen.last_checkpoint
    assert seen.last_checkpoint.path.startswith(f"file:{flink.folder}/checkpoints/{flink.job_id}/chk-")
    assert seen.restarts == 0
    assert {(vertex.upper, vertex.parallelism, vertex.is_own) for vertex in seen.vertices} == {(1, 1, None)}
    with FlinkRest(flink.url, 30.0) as rest:
        _scales(flink, rest, seen)
        _saves(flink, rest)
        _stops(flink, rest)


def _scales(flink: RealFlink, rest: FlinkRest, seen: JobFacts) -> None:
    bounds = ParallelismBounds(lower_bound=1, upper_bound=2)
    wanted = {vertex.id: VertexRequirements(parallelism=bounds) for vertex in seen.vertices}
    with pytest.raises(RequestRefused):
        rest.require(flink.job_id, {"0" * 32: VertexRequirements(parallelism=bounds)})
    rest.require(flink.job_id, wanted)

    def is_wider() -> bool:
        now = flink.look()
        return now.state is FlinkJobState.RUNNING and {each.parallelism for each in now.vertices} == {2}

    flink.until("a parallelism of two", is_wider)


def _saves(flink: RealFlink, rest: FlinkRest) -> None:
    ours = "ab" * 16
    request = SavepointTriggerRequest(target_directory=f"file://{flink.folder}/taken", trigger_id=ours)
    assert rest.trigger_savepoint(flink.job_id, request) == ours
    assert rest.trigger_savepoint(flink.job_id, request) == ours, "asking twice takes one"

    def progress() -> bool:
        found = flink.look(ours).savepoint
        return found is not None and found.done

    flink.until("the savepoint", progress)
    found = flink.look(ours).savepoint
    assert found
    assert found.location
    assert len(list((flink.folder / "taken").glob("savepoint-*/_metadata"))) == 1
    assert rest.savepoint(flink.job_id, "cd" * 16) is None, "an id that was never used"


def _stops(flink: RealFlink, rest: FlinkRest) -> None:
    ours = "ef" * 16
    request = StopRequest(target_directory=f"file://{flink.folder}/stopped", trigger_id=ours)
    assert rest.stop(flink.job_id, request) == ours

    def is_over() -> bool:
        now = flink.look(ours)
        # A MiniCluster ends with its job.
        return not now.reachable or (now.state is FlinkJobState.FINISHED and bool(now.savepoint))

    flink.until("the job to end", is_over)
    assert len(list((flink.folder / "stopped").glob("savepoint-*/_metadata"))) == 1
