"""FlinkSessionJobs in a session cluster of real processes: submitted once, upgraded from state, suspended, brought back."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock_api.v1beta1.configuration import flatten_configuration, value_sources
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob, FlinkSessionJobStatus
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.decide.validate_session_job import decode_session_spec
from penstock_operator.model.facts import ClusterFacts, Ref
from penstock_operator.model.plan import Event, TakeSnapshot
from penstock_operator.platforms.port import StorageAccess
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.session_job import SessionJobs
from tests.launch.cluster_processes import Cluster, cluster

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("session-cluster")]
REF = Ref("team", "counting")
PROGRAM = """
import sys, time
from penstock.datastream import StreamExecutionEnvironment
def slow(x):
    time.sleep(0.01)
    return (x % 3, 1)
env = StreamExecutionEnvironment.get_execution_environment()
size = int(sys.argv[1])
env.from_collection(list(range(size))).map(slow).uid("slow").key_by(lambda x: x[0]).sum(1).uid("counts").print()
env.execute()
"""


class Store:
    """One FlinkSessionJob, as the API server keeps it."""

    def __init__(self, job: FlinkSessionJob) -> None:
        self.job: FlinkSessionJob | None = job
        self.events: list[Event] = []
        self.writes = 0
        self.fail_writes = 0

    def read(self, ref: Ref) -> FlinkSessionJob | None:
        return self.job

    def write_status(self, resource: FlinkSessionJob, status: FlinkSessionJobStatus) -> FlinkSessionJob:
        self.writes += 1
        self.job = FlinkSessionJob.from_wire(resource.model_copy(update={"status": status}).to_wire())
        return self.job

    def hold(self, resource: FlinkSessionJob) -> FlinkSessionJob:
        return resource

    def release(self, ref: Ref, uid: str | None) -> None:
        self.job = None

    def label(self, resource: FlinkSessionJob, wanted: Mapping[str, str]) -> FlinkSessionJob:
        meta = resource.metadata.model_copy(update={"labels": {**resource.metadata.labels, **wanted}})
        self.job = resource.model_copy(update={"metadata": meta})
        return self.job

    def delete(self, resource: FlinkSessionJob) -> None:
        raise AssertionError("nobody asked for that")

    def emit(self, resource: FlinkSessionJob, event: Event) -> None:
        self.events.append(event)


class Sessions:
    """The platform of FlinkDeployments, of which one is the session cluster of the test."""

    def __init__(self, running: Cluster, folder: Path) -> None:
        self._running = running
        self._folder = folder
        self.exists = True
        self.ready = True
        self.secret: str | None = None

    def read(self, ref: Ref) -> FlinkDeployment | None:
        if not self.exists:
            return None
        conf = {key: value for key, value in self._running.settings.items() if key.startswith("state.")}
        return FlinkDeployment.from_wire(
            {
                "metadata": {"name": "session", "namespace": "team", "uid": "u-2"},
                "spec": {"flinkConfiguration": conf},
            }
        )

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        url = f"http://127.0.0.1:{self._running.port}" if self.ready else None
        return ClusterFacts(job_manager_exists=True, rest_url=url, processes_left=2, task_managers=1)

    def defaults(self, namespace: str) -> Mapping[str, str]:
        return {
            "kubernetes.operator.user.artifacts.allowed-schemes": "local,https",
            "kubernetes.operator.user.artifacts.base.dir": str(self._folder),
        }

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        """With the values that are in Secrets, of which there is one."""
        written = flatten_configuration(resource.spec.flink_configuration)
        sources = value_sources(resource.spec.flink_configuration)
        plain = {key: value for key, value in written.items() if key not in sources}
        found = {key: self.secret for key in sources if self.secret is not None}
        return StorageAccess({**plain, **found})


class Scene:
    """The session job, its loop and its cluster."""

    def __init__(self, running: Cluster, folder: Path, **job: Any) -> None:
        (folder / "counting.py").write_text(PROGRAM)
        self.running = running
        self.store = Store(
            FlinkSessionJob.from_wire(
                {
                    "metadata": {
                        "name": "counting",
                        "namespace": "team",
                        "uid": f"u-{folder.name}",  # its own, as every resource has
                        "generation": 1,
                    },
                    "spec": {
                        "deploymentName": "session",
                        "job": {
                            "jarURI": f"local://{folder}/counting.py",
                            "parallelism": 1,
                            "args": ["200000"],
                            "upgradeMode": "savepoint",
                            **job,
                        },
                        "flinkConfiguration": {"execution.checkpointing.interval": "200 ms"},
                    },
                }
            )
        )
        self.sessions = Sessions(running, folder)
        self.snapshots: list[TakeSnapshot] = []
        self.revisions: dict[int, dict[str, Any]] = {}
        jobs = SessionJobs(self.store, self.sessions, self._snapshot, self._keep)  # type: ignore[arg-type]
        self.loop = Loop(jobs)

    def _snapshot(self, _: Ref, wanted: TakeSnapshot) -> None:
        self.snapshots.append(wanted)

    def _keep(self, _: FlinkSessionJob, number: int, spec: str, kept: Collection[int]) -> None:
        self.revisions[number] = json.loads(spec)

    @property
    def status(self) -> FlinkSessionJobStatus:
        assert self.store.job is not None
        return self.store.job.status

    @property
    def job_id(self) -> str:
        found = self.status.job_status.job_id
        assert found
        return found

    def edit(self, **job: Any) -> None:
        assert self.store.job is not None
        body = self.store.job.to_wire()
        body["spec"]["job"].update(job)
        body["metadata"]["generation"] += 1
        self.store.job = FlinkSessionJob.from_wire(body)

    def until(self, what: str, check: Callable[[], object], seconds: float = 60.0) -> None:
        """Turn until it is so."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"not {what}: {self.status.error}\n{self.running.outputs()}"
            again = self.loop.reconcile(REF)
            if again is None:
                return
            time.sleep(min(again, 0.1))

    def until_running(self) -> None:
        self.until(
            "running",
            lambda: (
                self.status.job_status.state is FlinkJobState.RUNNING
                and self.status.observed_generation == (self.store.job and self.store.job.metadata.generation)
            ),
        )

    def alive(self) -> list[str]:
        jobs = self.running.get("/jobs/overview")["jobs"]
        return [job["jid"] for job in jobs if job["state"] not in ("FINISHED", "CANCELED", "FAILED")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("session"), slots=4) as found:
        found.start("jobmanager")
        found.start("taskmanager", "--resource-id", "tm")
        found.wait_for("slots", lambda: found.get("/overview")["slots-available"] == 4)
        yield found


def test_job_is_upgraded_suspended_resumed_and_deleted(running: Cluster, tmp_path: Path) -> None:
    scene = Scene(running, tmp_path)
    scene.until_running()
    first = scene.job_id
    assert scene.alive() == [first]
    assert scene.store.job is not None
    assert scene.store.job.metadata.labels["target.session"] == "session"
    spec = decode_session_spec(scene.status.reconciliation_status.last_reconciled_spec)
    assert spec == scene.store.job.spec, "the status keeps a FlinkSessionJob's spec, as upstream's does"
    running.wait_for("checkpoints", lambda: running.completed(first) > 1)

    scene.edit(args=["200001"])
    scene.until_running()
    restored = scene.status.job_status.upgrade_savepoint_path or ""
    assert "/savepoint-" in restored
    assert scene.job_id != first
    assert {each.location for each in scene.snapshots} == {restored}
    assert scene.alive() == [scene.job_id]

    scene.edit(state="suspended")
    scene.until("suspended", lambda: scene.status.lifecycle_state is LifecycleState.SUSPENDED)
    assert scene.alive() == []
    scene.edit(state="running", upgradeMode="last-state")
    scene.until_running()
    assert scene.alive() == [scene.job_id]
    writes = scene.store.writes
    for _ in range(5):
        scene.loop.reconcile(REF)
    assert scene.store.writes - writes <= 2, "nothing is written while nothing changes"

    body = scene.store.job.to_wire()
    body["metadata"]["deletionTimestamp"] = "2099-01-01T00:00:00Z"
    scene.store.job = FlinkSessionJob.from_wire(body)
    scene.until("gone", lambda: scene.store.job is None)
    assert scene.alive() == []


def test_job_whose_submission_was_not_recorded_is_not_submitted_again(
    running: Cluster, tmp_path: Path
) -> None:
    scene = Scene(running, tmp_path)
    scene.loop.reconcile(REF)
    job_id = scene.job_id
    assert scene.alive() == [job_id]
    assert scene.store.job is not None
    body = scene.store.job.to_wire()
    body["status"]["reconciliationStatus"]["state"] = "UPGRADING"
    scene.store.job = FlinkSessionJob.from_wire(body)
    scene.until_running()
    assert scene.alive() == [job_id]
    assert scene.job_id == job_id
    running.patch(f"/jobs/{job_id}?mode=cancel")
    running.wait_status("CANCELED", job_id)


def test_job_waits_for_its_session_cluster(running: Cluster, tmp_path: Path) -> None:
    scene = Scene(running, tmp_path)
    scene.sessions.exists = False
    scene.loop.reconcile(REF)
    assert "session is not there" in (scene.status.error or "")
    scene.sessions.exists, scene.sessions.ready = True, False
    scene.loop.reconcile(REF)
    assert "not ready" in (scene.status.error or "")
    assert scene.status.job_status.job_id is None
    scene.sessions.ready = True
    scene.until_running()
    assert scene.status.error is None
    running.patch(f"/jobs/{scene.job_id}?mode=cancel")
    running.wait_status("CANCELED", scene.job_id)


def test_job_comes_back_from_its_checkpoint_when_the_cluster_is_new(running: Cluster, tmp_path: Path) -> None:
    scene = Scene(running, tmp_path, upgradeMode="last-state")
    scene.until_running()
    job_id = scene.job_id
    running.wait_for("checkpoints", lambda: running.completed(job_id) > 1)
    running.kill("jobmanager")
    running.start("jobmanager")
    running.wait_for("slots", lambda: running.get("/overview")["slots-available"] == 4)
    scene.until("back", lambda: scene.status.job_status.upgrade_savepoint_path)
    scene.until_running()
    assert "/chk-" in (scene.status.job_status.upgrade_savepoint_path or "")
    assert scene.alive() == [scene.job_id]
    running.patch(f"/jobs/{scene.job_id}?mode=cancel")
    running.wait_status("CANCELED", scene.job_id)


def test_wider_job_is_scaled_in_place_and_every_spec_is_a_revision(running: Cluster, tmp_path: Path) -> None:
    scene = Scene(running, tmp_path)
    scene.until_running()
    job_id = scene.job_id

    def width() -> set[int]:
        return {vertex["parallelism"] for vertex in running.get(f"/jobs/{job_id}")["vertices"]}

    scene.edit(parallelism=2)
    scene.until(
        "wide", lambda: (scaling := scene.status.scaling) is not None and scaling.done and 2 in width(), 90
    )
    assert scene.job_id == job_id, "nothing was stopped for it"
    assert scene.alive() == [job_id]
    assert scene.status.observed_generation == 2
    scene.edit(args=["200001"], upgradeMode="stateless")
    scene.until_running()
    assert scene.job_id != job_id
    assert [each.number for each in scene.status.history] == [1, 2]
    assert scene.status.history[0].ended is not None
    assert scene.revisions[2]["job"]["args"] == ["200001"]
    assert scene.revisions[1]["deploymentName"] == "session"
    assert "args" in str(scene.status.history[1].changed)
    running.patch(f"/jobs/{scene.job_id}?mode=cancel")
    running.wait_status("CANCELED", scene.job_id)


def test_value_of_a_secret_reaches_the_job_and_nothing_else(running: Cluster, tmp_path: Path) -> None:
    scene = Scene(running, tmp_path)
    assert scene.store.job is not None
    source = {"valueFrom": {"secretKeyRef": {"name": "place", "key": "name"}}}
    keys = scene.store.job.spec.flink_configuration
    body = scene.store.job.to_wire()
    body["spec"]["flinkConfiguration"] = {**keys, "pipeline.name": source}
    scene.store.job = FlinkSessionJob.from_wire(body)
    scene.loop.reconcile(REF)
    assert "names Secret 'place', key 'name', which is not in team" in (scene.status.error or "")
    assert scene.status.job_status.job_id is None
    scene.sessions.secret = "harbour"
    scene.until_running()
    assert running.get(f"/jobs/{scene.job_id}")["name"] == "harbour"
    kept = scene.store.job.status.reconciliation_status.last_reconciled_spec or ""
    assert "harbour" not in kept
    assert "secretKeyRef" in kept
    running.patch(f"/jobs/{scene.job_id}?mode=cancel")
    running.wait_status("CANCELED", scene.job_id)


@pytest.mark.parametrize("is_old", [False, True])
def test_job_of_a_status_that_was_lost_is_never_run_twice(
    running: Cluster, tmp_path: Path, *, is_old: bool
) -> None:
    scene = Scene(running, tmp_path)
    scene.until_running()
    old = scene.status
    scene.edit(args=["200001"])
    scene.until_running()
    job_id = scene.job_id
    running.wait_for("checkpoints", lambda: running.completed(job_id) > 1)
    assert scene.store.job is not None
    lost = old if is_old else FlinkSessionJobStatus()
    scene.store.job = FlinkSessionJob.from_wire(scene.store.job.model_copy(update={"status": lost}).to_wire())
    most = []

    def is_back() -> bool:
        most.append(len(scene.alive()))
        status = scene.status
        return status.job_status.state is FlinkJobState.RUNNING and status.job_status.job_id not in (
            job_id,
            old.job_status.job_id,
        )

    scene.until("back", is_back)
    assert max(most) == 1
    assert scene.alive() == [scene.job_id]
    restored = scene.status.job_status.upgrade_savepoint_path or ""
    assert "/savepoint-" in restored, "it was stopped with a savepoint, not run beside another"
    assert any("JobAdopted" in event.reason for event in scene.store.events)
    running.patch(f"/jobs/{scene.job_id}?mode=cancel")
    running.wait_status("CANCELED", scene.job_id)


def test_program_that_cannot_be_run_is_said(running: Cluster, tmp_path: Path) -> None:
    scene = Scene(running, tmp_path)
    (tmp_path / "counting.py").write_text("raise SystemExit('no topic was given')")
    scene.loop.reconcile(REF)
    assert "no topic was given" in (scene.status.error or "")
    assert scene.alive() == []
