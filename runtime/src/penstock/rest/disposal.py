"""POST /savepoint-disposal: deletes a savepoint, as an operation that is asked about until it is done.

Refuses what is no savepoint of ours: a folder without our `_metadata` is left alone. One object for each app keeps the
operations of the last hour.
"""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.checkpoint.claim import dispose_snapshot
from penstock.checkpoint.store import CheckpointStore, SnapshotProblem
from penstock.filesystems.errors import FileSystemError
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.master import Master
from penstock.rest.answers import answer, body_of, master_of
from penstock.rest.jobs import failure_cause

_KEPT_MS = 3_600_000


@dataclass(slots=True)
class Disposal:
    """One operation."""

    started: int
    is_done: bool = False
    failure: str | None = None


@dataclass(slots=True)
class Disposals:
    """Those of this app, by request id."""

    known: dict[str, Disposal] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def start(self, path: str, configuration: Mapping[str, str], request_id: str) -> None:
        """Begin, unless this id has begun already."""
        now = now_ms()
        self.known = {id_: each for id_, each in self.known.items() if now - each.started < _KEPT_MS}
        if request_id in self.known:
            return
        self.known[request_id] = Disposal(now)
        task = asyncio.get_running_loop().create_task(self._run(path, configuration, self.known[request_id]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, path: str, configuration: Mapping[str, str], disposal: Disposal) -> None:
        try:
            await asyncio.to_thread(dispose, path, configuration)
        except (SnapshotProblem, FileSystemError) as error:
            disposal.failure = f"{type(error).__name__}: {error}"
        finally:
            disposal.is_done = True


def dispose(path: str, configuration: Mapping[str, str]) -> None:
    """Delete a savepoint with all that belongs to it alone. Blocks; SnapshotProblem if there is none."""
    directory = path.rstrip("/").rpartition("/")[0] or path
    store = CheckpointStore(directory, "0" * 32, configuration)
    dispose_snapshot(store.load(path).location, configuration)


def _in_use(master: Master, path: str) -> str | None:
    """The running job that was restored from it and may be again."""
    for running in master.jobs.values():
        job = running.machine.job
        restored = job.restored.location if job.restored else None
        if restored and restored.rstrip("/") == path.rstrip("/") and not job.status.is_terminal:
            has_own = job.coordinator.history.latest_completed is not None
            if not has_own:
                return job.id
    return None


async def trigger(request: Request) -> Response:
    """POST /savepoint-disposal."""
    body = await body_of(request)
    path = body.get("savepoint-path")
    if not isinstance(path, str) or not path:
        raise HTTPException(400, "savepoint-path: name the savepoint to delete")
    master = master_of(request)
    user = _in_use(master, path)
    if user is not None:
        raise HTTPException(
            409, f"{path} is all that job {user} can be restored from until its first checkpoint is complete"
        )
    request_id = str(body.get("triggerId") or uuid.uuid4().hex)
    disposals: Disposals = request.app.state.disposals
    disposals.start(path, master.configuration, request_id)
    return answer({"request-id": request_id})


async def status(request: Request) -> Response:
    """GET /savepoint-disposal/:trigger."""
    disposals: Disposals = request.app.state.disposals
    request_id = str(request.path_params["trigger"])
    found = disposals.known.get(request_id)
    if found is None:
        raise HTTPException(404, f"Operation not found under key: {request_id}")
    if not found.is_done:
        return answer({"status": {"id": "IN_PROGRESS"}, "operation": None})
    operation = {"failure-cause": failure_cause("FlinkException", found.failure)} if found.failure else {}
    return answer({"status": {"id": "COMPLETED"}, "operation": operation})


ROUTES = (
    Route("/savepoint-disposal", trigger, methods=["POST"]),
    Route("/savepoint-disposal/{trigger}", status),
)
