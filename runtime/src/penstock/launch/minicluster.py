"""The mini cluster: JobManager, TaskManager and slots for one program on one machine, with nothing to configure.

Called by `env.execute()` where no JobManager is named, by `penstock run` and by tests. The JobManager and the
TaskManager live in a thread of this process, each slot in a process of its own.
"""

import asyncio
import os
import tempfile
import threading
import uuid
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from penstock.control.messages import Failure
from penstock.control.registration import EventBatch, Poll, Polled, Registered, Registration
from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager.master import Master
from penstock.jobmanager.running import RunningJob
from penstock.jobmanager.scheduler import required_slots
from penstock.jobmanager.status import JobStatus
from penstock.taskmanager.supervisor import Supervisor, TaskManagerOptions

T = TypeVar("T")
UP_SECONDS, CALL_SECONDS, CLOSE_SECONDS = 60.0, 60.0, 60.0
"""Deadlines of what takes milliseconds unless something is broken."""


class JobFailed(Exception):
    """The job ended as FAILED or CANCELED; `failure` says why, `status` which."""

    def __init__(self, job_id: str, status: str, failure: Failure | None) -> None:
        said = f": {failure.exception}: {failure.message}" if failure else ""
        trace = f"\n{failure.stacktrace}" if failure and failure.stacktrace else ""
        super().__init__(f"job {job_id} is {status}{said}{trace}")
        self.job_id, self.status, self.failure = job_id, status, failure


@dataclass(slots=True, frozen=True)
class JobResult:
    """How a job ended well."""

    job_id: str
    job_name: str
    status: str
    net_runtime_ms: int


class _LocalLink:
    """The JobManager in the same loop."""

    def __init__(self, master: Master) -> None:
        self._master = master

    async def register(self, registration: Registration) -> Registered:
        return self._master.register(registration)

    async def poll(self, resource_id: str, poll: Poll) -> Polled:
        return await self._master.poll(resource_id, poll)

    async def send_events(self, resource_id: str, batch: EventBatch) -> bool:
        return self._master.take_events(resource_id, batch)

    async def close(self) -> None:
        return


class MiniCluster:
    """A cluster in this process; a context manager. Every method is for threads other than its own."""

    def __init__(self, slots: int, configuration: Mapping[str, str] | None = None) -> None:
        self._slots = slots
        self._configuration = dict(configuration or {})
        self._folder = tempfile.TemporaryDirectory(prefix="penstock-", ignore_cleanup_errors=True)
        self._up: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="minicluster")
        self.master: Master
        """The JobManager; touch it only through `call`."""

    def __enter__(self) -> "MiniCluster":
        self._thread.start()
        self._up.result(UP_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the cluster and every process of it."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"the mini cluster did not end within {CLOSE_SECONDS:.0f} s")
        self._folder.cleanup()

    def call(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine in the cluster's loop and wait for it."""
        if self._loop is None:
            raise RuntimeError("the cluster was not started")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def submit(
        self,
        graph: JobGraph,
        job_id: str | None = None,
        savepoint: str | None = None,
        allow_non_restored: bool = False,
    ) -> "MiniJob":
        """Start a job."""

        async def start() -> RunningJob:
            return self.master.submit(graph, job_id or uuid.uuid4().hex, savepoint, allow_non_restored)

        return MiniJob(self, self.call(start(), CALL_SECONDS))

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        folder = Path(self._folder.name)
        try:
            self.master = Master(self._configuration, str(folder / "checkpoints"))
            self.master.start()
            options = TaskManagerOptions(
                "local", self._slots, folder / "sockets", self._configuration, environment=dict(os.environ)
            )
            supervisor = Supervisor(options, _LocalLink(self.master))
        except BaseException as error:  # reported to the thread that waits for the start
            self._up.set_exception(error)
            raise
        serving = asyncio.create_task(supervisor.run())
        self._up.set_result(None)
        await self._stop.wait()
        await self.master.close()
        supervisor.stop()
        await serving


class MiniJob:
    """A job of a mini cluster."""

    def __init__(self, cluster: MiniCluster, job: RunningJob) -> None:
        self._cluster, self._job = cluster, job

    @property
    def job_id(self) -> str:
        """32 hex digits."""
        return self._job.machine.job.id

    @property
    def status(self) -> JobStatus:
        """The job's state now."""
        return self._job.machine.job.status

    @property
    def running(self) -> RunningJob:
        """The job in the JobManager; read only."""
        return self._job

    def result(self, timeout: float | None = None) -> JobResult:
        """Wait for the end, which may never come without `timeout`; JobFailed unless it is FINISHED."""
        self._cluster.call(self._wait(), timeout)
        job = self._job.machine.job
        if job.status is not JobStatus.FINISHED:
            raise JobFailed(job.id, job.status, job.failure)
        return JobResult(job.id, job.graph.name, job.status, job.end - job.created)

    def cancel(self) -> None:
        """End it without state."""

        async def cancel() -> None:
            self._cluster.master.cancel(self.job_id)

        self._cluster.call(cancel(), CALL_SECONDS)

    def savepoint(self, directory: str, timeout: float = 60, is_native: bool = False) -> str:
        """Take a savepoint; returns its path. RuntimeError says why not."""
        return self._snapshot(directory, False, False, timeout, is_native)

    def stop(self, directory: str, drain: bool = False, timeout: float = 60, is_native: bool = False) -> str:
        """Stop with a savepoint; returns its path when everything is committed."""
        return self._snapshot(directory, True, drain, timeout, is_native)

    def _snapshot(self, directory: str, stop: bool, drain: bool, timeout: float, is_native: bool) -> str:
        async def take() -> str:
            master = self._cluster.master
            request_id = master.trigger(self.job_id, True, directory, stop, drain, is_native=is_native)
            state = self._job.machine.job.coordinator.requests[request_id]
            while not state.is_done:  # noqa: ASYNC110 - the coordinator is pure and has no event to wait for
                await asyncio.sleep(0.01)
            if state.failure is not None or state.location is None:
                raise RuntimeError(f"the savepoint failed: {state.failure}")
            return state.location

        return self._cluster.call(take(), timeout)

    async def _wait(self) -> None:
        await self._job.ended.wait()


def run_job(job_graph: JobGraph, configuration: Mapping[str, str]) -> JobResult:
    """Run a job on a cluster of its own, as wide as it needs; blocks until it ends, raises JobFailed if not well."""
    with MiniCluster(required_slots(job_graph), configuration) as cluster:
        job = cluster.submit(job_graph)
        try:
            return job.result()
        except KeyboardInterrupt:
            job.cancel()
            raise
