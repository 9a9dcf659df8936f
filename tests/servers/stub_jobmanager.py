"""Stub JobManagers: one HTTP server that answers as the JobManager of many jobs, each below `/<namespace>/<name>/`.

No process and no pod runs behind it; savepoints and checkpoints are real ones on storage (`stub_state.py`). Started
and stopped by `stub_kubelet.py` as Deployments come and go, or by a test itself. Used by the crash tests, campaigns and
load tests of the operator, which reaches a job by `address`.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from penstock_api.rest import (
    CheckpointingStatistics,
    CheckpointStatistics,
    ClusterConfig,
    JobOverview,
    JobsOverview,
)
from penstock_api.rest.checkpoint import CheckpointCounts, LatestCheckpoints, RestoredCheckpoint
from tests.servers.stub_load import StubLoad
from tests.servers.stub_state import Counted, Stored, StubStorage

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

VERTEX = "f" * 32
"""The only vertex of every job."""
_ENDED = ("FINISHED", "CANCELED", "FAILED")
_BY_ITSELF = 5
"""So many checkpoints, and then no more: campaigns wait for what is at rest."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a job: what it restored, and what the most was that its resource had stored by then."""

    job_id: str
    restored: str | None
    count: int
    highest: int

    @property
    def lost_state(self) -> bool:
        """Whether state that was stored is not in what was restored."""
        return self.count < self.highest


@dataclass
class StubJob:
    """One job. Tests may set `state`, `savepoints` (`complete`, `fail`, `hang`) and `is_silent` at any time."""

    job_id: str
    name: str
    uid: str
    checkpoints: str | None
    savepoint_folder: str | None
    parallelism: int = 1
    state: str = "RUNNING"
    savepoints: str = "complete"
    is_silent: bool = False
    exception: str | None = None
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    count: int = 0
    checkpoint_id: int = 0
    restored: str | None = None
    by_itself: int = 0
    """Checkpoints that it completed by itself."""
    newest: dict[bool, Stored] = field(default_factory=dict)
    """The newest savepoint (True) and checkpoint (False)."""
    scalings: list[int] = field(default_factory=list)
    """Parallelisms that were asked for."""
    widest: int = 0
    application: str = "RUNNING"
    """WAITING for the word to start, or FAILED before it."""
    load: StubLoad | None = None
    """What it has to do, for those who scale it by that; None tells nothing of it."""
    triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Answers by trigger id."""


class StubJobManagers:
    """All of them. Use as a context manager."""

    def __init__(self, s3: "Callable[[], S3Client] | None" = None, *, savepoints: str = "complete") -> None:
        self._storage = StubStorage(s3)
        self._lock = threading.RLock()
        self.jobs: dict[tuple[str, str], StubJob] = {}
        self.starts: dict[str, list[Start]] = {}
        """Every start, by the uid of its resource."""
        self.highest: dict[str, int] = {}
        self.asked: dict[str, float] = {}
        """When something was last asked of the job (a savepoint, a stop, a cancellation), by the uid of its resource."""
        self.loads: dict[str, StubLoad] = {}
        """What jobs have to do, by the uid of their resource."""
        self.told_beside: list[str] = []
        """JobManagers that were told to start while one of the same resource ran: must stay empty."""
        self.requests = 0
        self._savepoints = savepoints
        self.is_periodic = False
        """Whether a job completes checkpoints by itself: the first few times that it is asked about them."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="stub-rest")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._storage.close()

    @property
    def base(self) -> str:
        """URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def address(self, namespace: str, name: str) -> str:
        """Where the JobManager `name` (its Deployment) in this namespace answers."""
        return f"{self.base}/{namespace}/{name}"

    def job(self, namespace: str, name: str) -> StubJob:
        """The job that runs there."""
        return self.jobs[namespace, name]

    # The job's life.

    def start(self, place: tuple[str, str], job: StubJob, from_savepoint: str | None) -> None:
        """A JobManager starts: it restores the newest checkpoint of its own id, else the savepoint (Decision 11)."""
        with self._lock:
            own = job.checkpoints and self._storage.newest_checkpoint(f"{job.checkpoints}/{job.job_id}")
            path = own or from_savepoint
            job.savepoints, job.load = self._savepoints, self.loads.get(job.uid)
            if path is not None:
                found = self._storage.load(path)
                if found is None:
                    job.state, job.exception = "FAILED", f"StateNotFound: {path}"
                else:
                    job.checkpoint_id, job.count, job.restored = *found, path
            made = Start(job.job_id, job.restored, job.count, self.highest.get(job.uid, 0))
            self.starts.setdefault(job.uid, []).append(made)
            self.jobs[place] = job

    def wait(self, place: tuple[str, str], job: StubJob, fetch_fails: bool) -> None:
        """A JobManager starts that runs its job when it is told; `fetch_fails`: its program is not there."""
        with self._lock:
            job.state, job.application = "CREATED", "FAILED" if fetch_fails else "WAITING"
            self.jobs[place] = job

    def _tell(self, place: tuple[str, str], job: StubJob, body: dict[str, Any]) -> None:
        if job.application == "WAITING":
            for other, old in self.jobs.items():
                if old.uid == job.uid and other != place and old.state not in _ENDED:
                    self.told_beside.append(f"{place} was told while {other} ran")
            job.state, job.application = "RUNNING", "RUNNING"
            self.start(place, job, body.get("from_savepoint"))

    def end(self, place: tuple[str, str]) -> None:
        """The JobManager's process ends."""
        with self._lock:
            self.jobs.pop(place, None)

    def forget_state(self, uid: str) -> None:
        """What this resource stored so far may be left behind: its owner gave it up."""
        self.highest[uid] = 0

    def complete_checkpoint(self, namespace: str, name: str) -> str:
        """The job completes a checkpoint; its path."""
        with self._lock:
            job = self.jobs[namespace, name]
            assert job.checkpoints, "the job keeps no checkpoints"
            return self._snapshot(job, f"{job.checkpoints}/{job.job_id}/chk-{job.checkpoint_id + 1}", False)

    def _snapshot(self, job: StubJob, path: str, is_savepoint: bool) -> str:
        job.checkpoint_id += 1
        job.count += 1
        topic = job.load.topic if job.load is not None else None
        counted = Counted(job.count, topic.enumerator() if topic is not None else None)
        job.newest[is_savepoint] = self._storage.store(
            path, (job.job_id, job.name), job.checkpoint_id, counted, is_savepoint=is_savepoint
        )
        self.highest[job.uid] = max(job.count, self.highest.get(job.uid, 0))
        return path

    # REST.

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """Status and JSON of one request."""
        self.requests += 1
        parts = [part for part in urlsplit(path).path.split("/") if part]
        with self._lock:
            job = self.jobs.get((parts[0], parts[1])) if len(parts) > 2 else None
        if job is not None and job.load is not None and parts[-1] == "metrics":
            time.sleep(job.load.delay)
        with self._lock:
            if job is None or job.is_silent:
                return 503, _errors("nobody answers here")
            if method != "GET":
                self.asked[job.uid] = time.monotonic()
            if parts[2:] == ["penstock", "application", "word"]:
                self._tell((parts[0], parts[1]), job, body)
                return 202, "{}"
            return self._route(job, method, parts[2:], body)

    def _route(self, job: StubJob, method: str, parts: list[str], body: dict[str, Any]) -> tuple[int, str]:
        if method == "GET" and "/".join(parts) in _OF_THE_CLUSTER:
            return 200, _OF_THE_CLUSTER["/".join(parts)](job)
        match method, parts:
            case "GET", ["jobs", "overview"]:
                return 200, _overview(job)
            case _, ["jobs", job_id, *_] if job_id != job.job_id:
                return 404, _errors(f"Job {job_id} not found")
            case "GET", ["jobs", _]:
                return 200, _details(job)
            case "PATCH", ["jobs", _]:
                job.state = "CANCELED"
                return 202, "{}"
            case "GET", ["jobs", _, "exceptions"]:
                return 200, _exceptions(job)
            case "GET", ["jobs", _, "checkpoints"]:
                self._checkpoint_by_itself(job)
                return 200, _checkpoints(job)
            case "GET", ["jobs", _, "checkpoints", "details", number]:
                found_details = next(
                    (each for each in job.newest.values() if each.checkpoint_id == int(number)), None
                )
                details = _statistics(found_details)
                return (200, details.model_dump_json(by_alias=True)) if details else (404, _errors(number))
            case "POST", ["jobs", _, ("savepoints" | "stop" | "checkpoints") as what]:
                return 202, self._trigger(job, what, body)
            case "GET", ["jobs", _, ("savepoints" | "checkpoints"), trigger]:
                found = job.triggers.get(trigger)
                return (200, json.dumps(found)) if found else (404, _errors(f"no such trigger: {trigger}"))
            case _, ["savepoint-disposal", *_]:
                done = {"request-id": "0" * 32, "status": {"id": "COMPLETED"}, "operation": {}}
                return 202, json.dumps(done)
        return self._route_of_scaling(job, method, parts, body)

    def _route_of_scaling(
        self, job: StubJob, method: str, parts: list[str], body: dict[str, Any]
    ) -> tuple[int, str]:
        match method, parts:
            case "GET", ["jobs", _, "vertices", _, "subtasks", "metrics"] if job.load is not None:
                return 200, job.load.metrics(job.parallelism)
            case "GET", ["penstock", "jobs", _, "sources"] if (
                job.load is not None and job.load.topic is not None
            ):
                return 200, job.load.topic.sources(VERTEX)
            case "GET", ["taskmanagers", "metrics"] if job.load is not None:
                return 200, job.load.task_managers()
            case "GET", ["taskmanagers"]:
                return 200, _task_managers(job)
            case "GET", ["jobs", _, "resource-requirements"]:
                bounds = {"lowerBound": 1, "upperBound": job.parallelism}
                return 200, json.dumps({VERTEX: {"parallelism": bounds}})
            case "PUT", ["jobs", _, "resource-requirements"]:
                job.scalings.append(int(body[VERTEX]["parallelism"]["upperBound"]))
                job.widest = max(job.widest, job.parallelism)
                job.parallelism = job.scalings[-1]
                return 200, "{}"
        return 404, _errors(f"{method} /{'/'.join(parts)}: not found")

    def _checkpoint_by_itself(self, job: StubJob) -> None:
        goes_on = job.by_itself < _BY_ITSELF and job.state == "RUNNING"
        if self.is_periodic and job.checkpoints and goes_on:
            job.by_itself += 1
            self._snapshot(job, f"{job.checkpoints}/{job.job_id}/chk-{job.checkpoint_id + 1}", False)

    def _trigger(self, job: StubJob, what: str, body: dict[str, Any]) -> str:
        trigger = str(body.get("triggerId") or f"{len(job.triggers):032x}")
        if trigger not in job.triggers:  # the same id twice takes one
            job.triggers[trigger] = self._operation(job, what, body)
        return json.dumps({"request-id": trigger})

    def _operation(self, job: StubJob, what: str, body: dict[str, Any]) -> dict[str, Any]:
        if job.savepoints == "hang":
            return {"status": {"id": "IN_PROGRESS"}, "operation": None}
        if job.savepoints == "fail" or job.state != "RUNNING":
            cause = {"class": "CheckpointException", "stack-trace": f"the stub is told to fail ({job.state})"}
            return {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}}
        if what == "checkpoints":
            self._snapshot(job, f"{job.checkpoints}/{job.job_id}/chk-{job.checkpoint_id + 1}", False)
            return {"status": {"id": "COMPLETED"}, "operation": {"checkpointId": job.checkpoint_id}}
        folder = body.get("target-directory") or body.get("targetDirectory") or job.savepoint_folder
        path = self._snapshot(job, f"{folder}/savepoint-{job.job_id[:6]}-{job.checkpoint_id + 1:012x}", True)
        if what == "stop":
            job.state = "FINISHED"
        elif body.get("cancel-job"):
            job.state = "CANCELED"
        return {"status": {"id": "COMPLETED"}, "operation": {"location": path}}


_CONFIG = ClusterConfig(penstock_version="0.1.0").model_dump_json(by_alias=True)


def _errors(text: str) -> str:
    return json.dumps({"errors": [text]})


def _application(job: StubJob) -> str:
    found = {"status": job.application}
    if job.application == "FAILED":
        found |= {"reason": "ArtifactNotFound", "message": "the program is not there"}
    return json.dumps(found)


def _overview(job: StubJob) -> str:
    if job.application != "RUNNING":
        return JobsOverview(jobs=[]).model_dump_json(by_alias=True)
    entry = JobOverview(
        jid=job.job_id, name=job.name, start_time=job.started, last_modification=job.started, state=job.state
    )
    return JobsOverview(jobs=[entry]).model_dump_json(by_alias=True)


def _details(job: StubJob) -> str:
    vertex = {"id": VERTEX, "name": "job", "maxParallelism": 128, "parallelism": job.parallelism}
    found = {"jid": job.job_id, "name": job.name, "state": job.state, "start-time": job.started}
    if job.load is not None:
        return job.load.details(found, {**vertex, "status": job.state})
    return json.dumps({**found, "vertices": [{**vertex, "status": job.state}]})


def _task_managers(job: StubJob) -> str:
    """One slot each; those beyond the job's parallelism are idle."""
    count = max(job.widest, job.parallelism)
    free = [int(number >= job.parallelism) for number in range(count)]
    named = [{"id": f"tm-{n}", "slotsNumber": 1, "freeSlots": one} for n, one in enumerate(free)]
    return json.dumps({"taskmanagers": named})


def _exceptions(job: StubJob) -> str:
    entries = []
    if job.exception:
        entry = {"exceptionName": job.exception.partition(":")[0], "stacktrace": job.exception}
        entries = [{**entry, "timestamp": job.started}]
    return json.dumps({"exceptionHistory": {"entries": entries, "truncated": False}})


def _checkpoints(job: StubJob) -> str:
    restored = None
    if job.restored:
        restored = RestoredCheckpoint(
            id=job.checkpoint_id, restore_timestamp=job.started, is_savepoint=True, external_path=job.restored
        )
    latest = LatestCheckpoints(
        completed=_statistics(job.newest.get(False)),
        savepoint=_statistics(job.newest.get(True)),
        restored=restored,
    )
    counts = CheckpointCounts(total=job.checkpoint_id, completed=job.checkpoint_id)
    history = sorted(
        filter(None, (latest.completed, latest.savepoint)), key=lambda each: each.id, reverse=True
    )
    return CheckpointingStatistics(counts=counts, latest=latest, history=history).model_dump_json(
        by_alias=True
    )


def _statistics(stored: Stored | None) -> CheckpointStatistics | None:
    if stored is None:
        return None
    return CheckpointStatistics(
        class_name="completed",
        id=stored.checkpoint_id,
        status="COMPLETED",
        is_savepoint=stored.is_savepoint,
        trigger_timestamp=stored.trigger_timestamp,
        latest_ack_timestamp=stored.trigger_timestamp,
        state_size=stored.size,
        checkpoint_type="SAVEPOINT" if stored.is_savepoint else "CHECKPOINT",
        external_path=stored.path,
    )


_OF_THE_CLUSTER: dict[str, Callable[[StubJob], str]] = {
    "config": lambda _job: _CONFIG,
    "penstock/application": _application,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *args: Any) -> None:
        """Nothing: an operator that was killed waits for no answer."""


def _handler(stubs: StubJobManagers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            sent = self.rfile.read(length)
            status, text = stubs.answer(self.command, self.path, json.loads(sent) if sent else {})
            content = text.encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

        def log_message(self, *args: Any) -> None:
            """Nothing: the operator's own log is enough."""

    return Handler
