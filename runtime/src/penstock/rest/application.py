"""The application of an application cluster: its program's main runs once and submits one job (Decision 7).

Driven by `launch.jobmanager`, which runs main in a child process; asked by both HTTP apps. Runs no user code.
"""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager.master import Master
from penstock.jobmanager.running import RunningJob
from penstock.jobmanager.status import JobStatus
from penstock.rest.owed import OwedAnswers
from penstock_api.rest import PenstockApplication
from penstock_api.rest.trigger import ApplicationStatus


@dataclass(slots=True, frozen=True)
class JobWish:
    """What the JobManager was started with for its job."""

    job_id: str | None = None
    savepoint: str | None = None
    allow_non_restored: bool = False


@dataclass(slots=True)
class Application:
    """How the program is doing. `fail` is called at most once with effect: the first reason stays."""

    master: Master
    wish: JobWish
    job: RunningJob | None = None
    reason: str | None = None
    message: str | None = None
    finished_before: str | None = None
    """The end that an earlier JobManager put on record: nothing runs again."""
    bundle: Path | None = None
    """What the program needs beside itself, as a zip named by its digest, for TaskManagers; None if nothing."""
    shut_down: asyncio.Event = field(default_factory=asyncio.Event)
    submitted: asyncio.Event = field(default_factory=asyncio.Event)
    waits: bool = False
    """Main runs when the word comes, and not before."""
    is_waiting: bool = False
    """All is ready for main, and the word to run it has not come yet."""
    owed: OwedAnswers = field(default_factory=OwedAnswers)
    """What callers of the REST API still wait to be told of the job."""
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """The word has come: `wish` says from which state."""

    def tell(self, savepoint: str | None) -> None:
        """The word: run main, and restore its job from this. Only the first has an effect, where one is waited for."""
        if self.waits and not self.told.is_set():
            self.wish = replace(self.wish, savepoint=savepoint)
            self.told.set()

    def submit(self, graph: JobGraph) -> str:
        """Run the job; PermissionError for a second one."""
        if self.job is not None:
            message = (
                "the program called execute() a second time: an application runs one job; "
                "use a StatementSet or one environment with several sinks"
            )
            self.fail("ProgramExecutedTwice", message)
            raise PermissionError(message)
        self.job = self.master.submit(
            graph, self.wish.job_id, self.wish.savepoint, self.wish.allow_non_restored
        )
        self.submitted.set()
        return self.job.machine.job.id

    def fail(self, reason: str, message: str) -> None:
        """The program failed before or beside its job."""
        if self.reason is None:
            self.reason, self.message = reason, message

    def status(self) -> PenstockApplication:
        """For GET /penstock/application."""
        if self.reason is not None:
            return PenstockApplication(
                status=ApplicationStatus.FAILED, reason=self.reason, message=self.message
            )
        if self.finished_before is not None:
            return PenstockApplication(status=ApplicationStatus.SUCCEEDED)
        if self.job is None:
            waits = self.is_waiting and not self.told.is_set()
            return PenstockApplication(
                status=ApplicationStatus.WAITING if waits else ApplicationStatus.RUNNING
            )
        job = self.job.machine.job
        if job.status is JobStatus.FAILED:
            failure = job.failure
            reason = failure.reason if failure and failure.reason else "JobFailed"
            return PenstockApplication(
                status=ApplicationStatus.FAILED, reason=reason, message=failure.message if failure else None
            )
        ended = job.status.is_terminal
        return PenstockApplication(status=ApplicationStatus.SUCCEEDED if ended else ApplicationStatus.RUNNING)
