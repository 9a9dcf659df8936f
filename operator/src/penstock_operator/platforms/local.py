"""The local platform: objects in SQLite, a job's processes on this machine in a folder of its own (its "namespace").

Implements `platforms/port.py` for `penstock-operator local`. The operator may be killed anywhere: processes go on, and
are found again. `tend` is its kubelet: it brings back what died, with a growing pause.
"""

import contextlib
import hashlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration, value_sources
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.errors import ExternalError
from penstock_operator.model.facts import ClusterFacts, Problem, Ref
from penstock_operator.model.launch import Launch
from penstock_operator.model.plan import Event, TakeSnapshot
from penstock_operator.platforms.local_logs import follow_logs, last_lines
from penstock_operator.platforms.local_process import living, send, spawn
from penstock_operator.platforms.local_store import JobRow, LocalStore, ProcessRow
from penstock_operator.platforms.one_cluster import OneCluster
from penstock_operator.platforms.port import Spare, StorageAccess

JOB_MANAGER = "jobmanager"
LAUNCHER = (sys.executable, "-m", "penstock.launch.cli")
"""The runtime's command line; another may be given that keeps its contract."""
KILL_AFTER_SECONDS = 15.0
"""How long a process may take to end by itself."""
CRASH_LOOP = 3
"""Deaths in a row after which a crash loop is reported."""
LONGEST_PAUSE = 30.0
WELL_AFTER_SECONDS = 60.0
"""A process that lived this long is not in a crash loop."""
LONGEST_SOCKET_PATH = 90
"""Unix socket paths end at 104 to 108 bytes, depending on the system."""
_PORTS = range(20_000, 30_000)


class LocalPlatform(OneCluster):
    """Jobs as processes of this machine."""

    def __init__(self, home: Path, launcher: Sequence[str] = LAUNCHER) -> None:
        self.home = home
        self._launcher = list(launcher)
        self.store = LocalStore(home / "penstock.db")

    # Resources.

    def read(self, ref: Ref) -> FlinkDeployment | None:
        """The resource."""
        return self.store.read(ref.name)

    def write_status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        """Write its status."""
        return self.store.write_status(resource, status)

    def hold(self, resource: FlinkDeployment) -> FlinkDeployment:
        """Nothing to do: a resource here goes only by `release`."""
        return resource

    def release(self, resource: FlinkDeployment) -> None:
        """The resource is gone."""
        self.store.forget(resource.metadata.name)

    def emit(self, resource: FlinkDeployment, event: Event) -> None:
        """Record an Event."""
        self.store.record(resource.metadata.name, event)

    # The job.

    def folder(self, name: str) -> Path:
        """The job's folder."""
        return self.home / "jobs" / name

    def job_namespace(self, resource: FlinkDeployment) -> str:
        """The job's folder, which stands for its namespace here."""
        return str(self.folder(resource.metadata.name))

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """Everything is in the manifests; only that people who try something out wait for less."""
        return {
            "kubernetes.operator.deployment.stability.window": "5 s",
            "kubernetes.operator.snapshot.resource.enabled": "false",
        }

    def refusals(self, resource: FlinkDeployment) -> tuple[Problem, ...]:
        """A program that is not on this machine; values that are in Secrets, of which there are none here."""
        for key in value_sources(resource.spec.flink_configuration):
            message = f"spec.flinkConfiguration[{key}] names a Secret or ConfigMap, which only a cluster has: write its value"
            return (Problem(Reason.VALIDATION_ERROR, message),)
        uri = resource.spec.job.jar_uri if resource.spec.job else None
        path = _local_path(uri or "")
        if path is None or path.exists():
            return ()
        return (
            Problem(Reason.ARTIFACT_NOT_FOUND, f"{path}: there is no such file; correct spec.job.jarURI"),
        )

    def spare_task_managers(self, resource: FlinkDeployment) -> Spare:
        """One machine: nothing says how many processes are too many."""
        return Spare(None)

    def take_snapshot(self, resource: FlinkDeployment, wanted: TakeSnapshot) -> None:
        """Nothing: `defaults` say that snapshots are fields of the status here."""

    def refresh_copies(self, resource: FlinkDeployment) -> None:
        """Nothing: processes of this machine read the originals."""

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        """The job's own configuration; credentials as the environment has them."""
        return StorageAccess(flatten_configuration(resource.spec.flink_configuration))

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        """The processes, as they are now."""
        name = resource.metadata.name
        rows, alive, job = self.store.processes(name), living(), self.store.job(name)
        wanted = [row for row in rows if row.stopping is None]
        manager = next((row for row in wanted if row.role == JOB_MANAGER), None)
        workers = [row for row in wanted if row.role != JOB_MANAGER]
        left = sum(len(alive.get(row.token, ())) for row in rows)
        url = f"http://127.0.0.1:{job.rest_port}" if job is not None and manager is not None else None
        return ClusterFacts(
            job_manager_exists=manager is not None,
            task_managers_exist=bool(workers),
            job_manager_ready=job is not None and manager is not None and _listens(job.rest_port),
            processes_left=left,
            leftovers=bool(rows) or self.folder(name).exists(),
            task_managers=sum(1 for row in workers if alive.get(row.token)),
            job_id=job.job_id if job else None,
            fingerprint=job.fingerprint if job else None,
            rest_url=url,
            problem=self._problem(wanted),
        )

    def deploy(self, resource: FlinkDeployment, launch: Launch) -> None:
        """Write the config, start what is not started."""
        name = resource.metadata.name
        folder = self.folder(name)
        known = self.store.job(name)
        port = known.rest_port if known else _free_port()
        self._write_config(folder, launch, port)
        self.store.put_job(name, JobRow(launch.job_id, launch.fingerprint, port))
        config = ["--config-dir", str(folder / "conf")]
        commands = {JOB_MANAGER: [*self._launcher, "jobmanager", *config, *launch.job_manager_arguments()]}
        self._start_missing(name, commands | self._workers(name, launch.task_managers))

    def scale(self, resource: FlinkDeployment, launch: Launch, count: int, idle: Sequence[str]) -> None:
        """Start the TaskManagers that are missing, end those that are too many: idle ones first, then the youngest."""
        name = resource.metadata.name
        wanted, alive = self._workers(name, count, idle), living()
        self._start_missing(name, wanted)
        for row in self.store.processes(name):
            if row.role != JOB_MANAGER and row.role not in wanted:
                self._end(row, alive.get(row.token, []))

    def _workers(self, name: str, count: int, idle: Sequence[str] = ()) -> dict[str, list[str]]:
        """Commands of so many TaskManagers by role: those that are there, then the lowest numbers that are not."""
        config = ["--config-dir", str(self.folder(name) / "conf")]
        there = [
            row.role for row in self.store.processes(name) if row.stopping is None and row.role != JOB_MANAGER
        ]
        there.sort(key=lambda role: (f"{name}-{role}" in idle, _number(role)))
        fresh = (role for index in itertools.count(1) if (role := f"taskmanager-{index}") not in there)
        roles = [*there[:count], *itertools.islice(fresh, max(0, count - len(there)))]
        return {
            role: [*self._launcher, "taskmanager", *config, "--resource-id", f"{name}-{role}"]
            for role in roles
        }

    def _start_missing(self, name: str, commands: Mapping[str, Sequence[str]]) -> None:
        present = {row.role for row in self.store.processes(name) if row.stopping is None}
        for role, command in commands.items():
            if role not in present:
                self._start(ProcessRow(name, role, "", tuple(command), 0.0, 0, None))

    def stop(self, resource: FlinkDeployment) -> None:
        """Ask the processes to end; those that do not are killed at a later call."""
        alive = living()
        for row in self.store.processes(resource.metadata.name):
            self._end(row, alive.get(row.token, []))

    def _end(self, row: ProcessRow, pids: list[int]) -> None:
        if not pids:
            self.store.drop_process(row.name, row.role)
        elif row.stopping is None:
            self.store.put_process(replace(row, stopping=time.time()))
            send([_main(row, pids)], signal.SIGTERM)
        elif time.time() - row.stopping > KILL_AFTER_SECONDS:
            send(pids, signal.SIGKILL)

    def remove(self, resource: FlinkDeployment) -> None:
        """End the processes, then delete the folder."""
        name = resource.metadata.name
        self.stop(resource)
        if not self.store.processes(name):
            shutil.rmtree(self.folder(name), ignore_errors=True)
            _socket_path(self.folder(name)).unlink(missing_ok=True)
            self.store.put_job(name, None)

    def dismiss(self, resource: FlinkDeployment) -> None:
        """Mark the resource as one that goes."""
        self.store.mark_deleting(resource.metadata.name)

    def keep_revision(self, resource: FlinkDeployment, number: int, spec: str, kept: Collection[int]) -> None:
        """A file in the job's folder."""
        folder = self.folder(resource.metadata.name) / "revisions"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.json").write_text(spec, encoding="utf-8")
        for old in folder.glob("*.json"):
            if old.stem.isdigit() and int(old.stem) not in kept:
                old.unlink()

    def recall_autoscaler(self, resource: FlinkDeployment) -> bytes | None:
        """From a file in the job's folder."""
        path = self.folder(resource.metadata.name) / "autoscaler"
        return path.read_bytes() if path.is_file() else None

    def keep_autoscaler(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        """In a file in the job's folder."""
        path = self.folder(resource.metadata.name) / "autoscaler"
        if memory is None:
            path.unlink(missing_ok=True)
        elif path.parent.is_dir():
            path.write_bytes(memory)

    def recall_recording(self, resource: FlinkDeployment) -> bytes | None:
        """From a file in the job's folder."""
        path = self.folder(resource.metadata.name) / "autoscaler-recording"
        return path.read_bytes() if path.is_file() else None

    def keep_recording(self, resource: FlinkDeployment, recording: bytes | None) -> None:
        """In a file in the job's folder."""
        path = self.folder(resource.metadata.name) / "autoscaler-recording"
        if recording is None:
            path.unlink(missing_ok=True)
        elif path.parent.is_dir():
            path.write_bytes(recording)

    def logs(self, resource: FlinkDeployment, *, follow: bool) -> Iterator[str]:
        """Lines of all processes."""
        return follow_logs(self.folder(resource.metadata.name) / "log", follow=follow)

    def tend(self, name: str) -> None:
        """Bring back processes that died, after a pause that grows with every death in a row."""
        alive = living()
        for row in self.store.processes(name):
            pids = alive.get(row.token, [])
            if row.stopping is not None or (pids and _main(row, pids) in pids):
                continue
            send(pids, signal.SIGKILL)  # its children must not outlive it
            lived = time.time() - row.started
            restarts = 0 if lived > WELL_AFTER_SECONDS else row.restarts
            if lived >= min(LONGEST_PAUSE, 2.0**restarts):
                self._start(replace(row, restarts=restarts + 1))

    def _start(self, row: ProcessRow) -> None:
        """The token is recorded first, so that a process is known even if we die at once."""
        started = replace(row, token=secrets.token_hex(16), started=time.time())
        folder = self.folder(row.name)
        self.store.put_process(started)
        log = folder / "log" / f"{row.role}.log"
        pid = spawn(row.command, started.token, log, folder, {"PYTHONUNBUFFERED": "1"})
        self.store.put_process(replace(started, pid=pid))

    def _write_config(self, folder: Path, launch: Launch, port: int) -> None:
        keys = launch.configuration | {
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": str(port),
            "jobmanager.rpc.address": "127.0.0.1",
            "penstock.rpc.socket": str(_socket_path(folder)),
        }
        conf = folder / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        fresh = conf / "config.yaml.new"
        fresh.write_text(yaml.safe_dump(keys, sort_keys=True), encoding="utf-8")
        fresh.chmod(0o600)  # it may hold credentials
        fresh.replace(conf / "config.yaml")

    def _problem(self, rows: list[ProcessRow]) -> Problem | None:
        for row in rows:
            if row.restarts >= CRASH_LOOP and time.time() - row.started < WELL_AFTER_SECONDS:
                text = last_lines(self.folder(row.name) / "log" / f"{row.role}.log")
                message = f"{row.role} ended {row.restarts} times in a row: {text}"
                return Problem(Reason.CRASH_LOOP_BACK_OFF, message, "JobManagerDeployment")
        return None


def _main(row: ProcessRow, pids: Sequence[int]) -> int:
    """The process itself among those that carry its token: the recorded one, else the oldest."""
    return row.pid if row.pid is not None else pids[0]


def _socket_path(folder: Path) -> Path:
    """In the job's folder where the path is short enough for a socket, else in a private temporary folder."""
    path = folder / "rpc.sock"
    if len(str(path)) <= LONGEST_SOCKET_PATH:
        return path
    private = Path(tempfile.gettempdir()) / f"penstock-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    return private / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.sock"


def _free_port() -> int:
    """None that an outgoing connection may get: it would have the port when the JobManager starts there again."""
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ExternalError(Reason.ERROR, f"no port of {_PORTS.start} to {_PORTS.stop - 1} is free on 127.0.0.1")


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def _local_path(uri: str) -> Path | None:
    """The path of a program on this machine; None for one that is fetched."""
    parts = urlsplit(uri)
    if parts.scheme in ("local", "file"):
        return Path(f"/{parts.netloc}{parts.path}" if parts.netloc else parts.path)
    return Path(uri) if uri and parts.scheme == "" else None


def _number(role: str) -> int:
    """The number in `taskmanager-3`."""
    return int(role.rpartition("-")[2])
