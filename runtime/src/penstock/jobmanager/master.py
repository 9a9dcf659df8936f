"""The JobManager's shell: TaskManagers, jobs, and the messages between them, in one event loop.

Called by the internal HTTP app, by REST and by the mini cluster, always in its loop. Decides nothing about a job: that
is `jobmanager.machine`.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from penstock.checkpoint.settings import CheckpointSettings, duration_of, read_settings
from penstock.control.messages import (
    Command,
    EventTimeReported,
    Inspected,
    SlotAddress,
    SlotLost,
    SlotReady,
    WarmedUp,
)
from penstock.control.registration import (
    EventBatch,
    Poll,
    Polled,
    RecycleSlot,
    Registered,
    Registration,
    SlotCommand,
    SlotEvent,
    TaskManagerCommand,
)
from penstock.graph.jobgraph import JobGraph
from penstock.ha.jobs import JobStore, StoredJob
from penstock.jobmanager.alignments import Alignments
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.events import (
    CancelWanted,
    FromSlot,
    RequirementsChanged,
    SlotsCannotStart,
    SlotsFree,
    SlotsGone,
    SnapshotWanted,
)
from penstock.jobmanager.inspections import Inspections
from penstock.jobmanager.load_history import INTERVAL_MS, LoadHistory
from penstock.jobmanager.machine import JobMachine
from penstock.jobmanager.registry import Registry, TaskManager
from penstock.jobmanager.requirements import Bounds, Requirements, problems_of
from penstock.jobmanager.running import RunningJob
from penstock.jobmanager.storage import JobStorage, KeptJob

log = logging.getLogger(__name__)
CHECK_SECONDS = 0.5
FAILED_STARTS = 5
"""So many slots in a row that end before they are ready are no accident: a job that waits for slots fails, and says so."""


class Master:
    """Owns everything of a JobManager but its sockets. `start` and `close` run in the loop."""

    def __init__(
        self, configuration: Mapping[str, str], fallback_directory: str, kept: JobStore | None = None
    ) -> None:
        self._kept = kept
        self.configuration = dict(configuration)
        self.registry = Registry()
        self.jobs: dict[str, RunningJob] = {}
        self.started = now_ms()
        self.inspections = Inspections(self.send, self._send_to_manager)
        self.alignments = Alignments(self.send)
        self.heartbeat_interval = duration_of(configuration, 2_000, "heartbeat.interval")
        self.heartbeat_timeout = duration_of(configuration, 15_000, "heartbeat.timeout")
        self.load = LoadHistory(duration_of(configuration, INTERVAL_MS, "penstock.load-history.interval"))
        self._fallback_directory = fallback_directory
        self._wake: dict[str, asyncio.Event] = {}
        self._watch: asyncio.Task[None] | None = None
        self.is_closed = False
        """Ending: who polls is sent away, so that the server can end too."""

    def start(self) -> None:
        """Begin to watch heartbeats."""
        self._watch = asyncio.get_running_loop().create_task(self._watch_heartbeats())

    async def close(self) -> None:
        """Stop; jobs that run are left to their TaskManagers, which cancel them."""
        self.is_closed = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for job in self.jobs.values():
            job.close()
        for event in self._wake.values():
            event.set()

    # ------------------------------------------------------------------ jobs

    def submit(
        self,
        graph: JobGraph,
        job_id: str | None = None,
        savepoint: str | None = None,
        allow_non_restored: bool = False,
        requirements: Mapping[str, tuple[int, int]] | None = None,
        bundle: Path | None = None,
    ) -> RunningJob:
        """Run a job. ValueError when its configuration cannot be read. `bundle` is kept for the next leader."""
        job_id = job_id or uuid.uuid4().hex
        configuration = {**self.configuration, **graph.configuration}
        settings = self._settings(configuration)
        savepoint = savepoint or configuration.get("execution.state-recovery.path")
        savepoint = savepoint or configuration.get("execution.savepoint.path")
        machine = JobMachine(job_id, graph, configuration, settings, allow_non_restored, now_ms())
        if requirements is not None:
            machine.job.requirements = {key: Bounds(*bounds) for key, bounds in requirements.items()}
        kept = None
        if self._kept is not None:
            stored = StoredJob(
                job_id=job_id,
                graph=graph.model_dump_json(),
                savepoint=savepoint,
                allow_non_restored=allow_non_restored,
                requirements=dict(requirements) if requirements is not None else None,
            )
            kept = KeptJob(self._kept, stored, bundle)
        directory = settings.directory or self._fallback_directory
        storage = JobStorage(directory, job_id, configuration, savepoint, kept)
        job = RunningJob(machine, storage, self)
        self.jobs[job_id] = job
        log.info("Job %s (%s) submitted", graph.name, job_id)
        job.start()
        self._offer_slots()
        return job

    def recover(self, stored: StoredJob, bundle: Path | None = None) -> RunningJob:
        """Take over a job from the leader before."""
        graph = JobGraph.model_validate_json(stored.graph)
        return self.submit(
            graph, stored.job_id, stored.savepoint, stored.allow_non_restored, stored.requirements, bundle
        )

    def result_of(self, stored: StoredJob) -> str | None:
        """How a job of the leader before has ended, if that is on record; None if it is to go on. Blocks."""
        configuration = {**self.configuration, **JobGraph.model_validate_json(stored.graph).configuration}
        directory = self._settings(configuration).directory or self._fallback_directory
        return JobStorage(directory, stored.job_id, configuration, None).store.read_result()

    def trigger(
        self,
        job_id: str,
        is_savepoint: bool,
        directory: str | None = None,
        stop: bool = False,
        drain: bool = False,
        trigger_id: str | None = None,
        is_native: bool = False,
    ) -> str:
        """Ask a job for a snapshot; returns the request id. A trigger id that is known already asks nothing new.

        KeyError for an unknown job.
        """
        request_id = trigger_id or uuid.uuid4().hex
        job = self.jobs[job_id]
        if request_id not in job.machine.job.coordinator.requests:
            job.handle(SnapshotWanted(request_id, is_savepoint, directory, stop, drain, is_native))
        return request_id

    def cancel(self, job_id: str) -> None:
        """End a job without state. KeyError for an unknown job."""
        self.jobs[job_id].handle(CancelWanted())

    def require(self, job_id: str, wanted: Requirements) -> None:
        """Set how parallel a job may be. KeyError for an unknown job, ValueError says what it cannot be."""
        job = self.jobs[job_id]
        problems = problems_of(job.machine.job.graph, wanted)
        if problems:
            raise ValueError("\n".join(problems))
        job.handle(RequirementsChanged(wanted))

    # ------------------------------------------------------------------ TaskManagers

    def register(self, registration: Registration) -> Registered:
        """A TaskManager is there; an older session of the same name is lost."""
        old = self.registry.taskmanagers.get(registration.resource_id)
        if old is not None:
            self._lose(old, "it registered again")
        manager = self.registry.register(registration, now_ms())
        self._wake[manager.session] = asyncio.Event()
        log.info("TaskManager %s registered with %d slots", registration.resource_id, registration.slots)
        return Registered(
            session=manager.session,
            heartbeat_interval_ms=self.heartbeat_interval,
            heartbeat_timeout_ms=self.heartbeat_timeout,
        )

    async def poll(self, resource_id: str, poll: Poll) -> Polled:
        """Commands for a TaskManager, waiting for the first of them; an empty session says: register again."""
        manager = self.registry.find(resource_id, poll.session)
        if manager is None:
            return Polled(session="")
        manager.last_heard = now_ms()
        manager.metrics = poll.metrics or manager.metrics
        commands = manager.unacknowledged(poll.after)
        if not commands:
            wake = self._wake[manager.session]
            wake.clear()
            wait = min(poll.wait_ms, self.heartbeat_interval) / 1000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), wait)
            commands = manager.unacknowledged(poll.after)
        if self.registry.find(resource_id, poll.session) is None:
            return Polled(session="")
        manager.last_heard = now_ms()
        return Polled(session=manager.session, commands=commands)

    def take_events(self, resource_id: str, batch: EventBatch) -> bool:
        """Events of a TaskManager's slots; false if it must register again."""
        manager = self.registry.find(resource_id, batch.session)
        if manager is None:
            return False
        manager.last_heard = now_ms()
        if batch.number > manager.last_batch:
            manager.last_batch = batch.number
            for reported in batch.events:
                self._slot_event(manager, reported)
        return True

    def forget(self, resource_id: str, session: str) -> None:
        """A TaskManager says good-bye."""
        manager = self.registry.find(resource_id, session)
        if manager is not None:
            self._lose(manager, "it was shut down")

    def _slot_event(self, manager: TaskManager, reported: SlotEvent) -> None:
        event = reported.event
        if isinstance(event, SlotReady):
            manager.slots[event.address.slot_id] = event.address
            self._offer_slots()
        elif isinstance(event, SlotLost):
            manager.slots.pop(event.slot_id, None)
            manager.taken.discard(event.slot_id)
            message = (
                f"slot {event.slot_id} of TaskManager {manager.resource_id} was lost: {event.exit_status}"
            )
            self._all_jobs_lose((event.slot_id,), message)
            if event.failed_starts >= FAILED_STARTS:
                self._slots_cannot_start(manager, event)
        elif isinstance(event, Inspected):
            self.inspections.answered(event)
        elif isinstance(event, EventTimeReported):
            aligned = self.jobs.get(event.subtask.job_id)
            base = aligned.machine.job.base_attempt if aligned is not None else None
            self.alignments.reported(reported.slot_id, event, base)
        else:
            job_id = event.job_id if isinstance(event, WarmedUp) else event.subtask.job_id
            job = self.jobs.get(job_id)
            if job is not None:
                job.handle(FromSlot(reported.slot_id, event))

    def _lose(self, manager: TaskManager, why: str) -> None:
        self.registry.taskmanagers.pop(manager.resource_id, None)
        wake = self._wake.pop(manager.session, None)
        if wake is not None:
            wake.set()
        log.warning("TaskManager %s is lost: %s", manager.resource_id, why)
        self._all_jobs_lose(tuple(manager.slots), f"TaskManager {manager.resource_id} is lost: {why}")

    def _slots_cannot_start(self, manager: TaskManager, event: SlotLost) -> None:
        message = (
            f"the slots of TaskManager {manager.resource_id} end before they are ready, {event.failed_starts} times in "
            f"a row (the last one: {event.exit_status}): its log says why"
        )
        for job in list(self.jobs.values()):
            job.handle(SlotsCannotStart(message))

    def _all_jobs_lose(self, slot_ids: tuple[str, ...], message: str) -> None:
        for job in list(self.jobs.values()):
            job.handle(SlotsGone(slot_ids, message))

    async def _watch_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.load.look({key: one.machine.job for key, one in self.jobs.items()}, now_ms())
            for manager in self.registry.silent_since(now_ms() - self.heartbeat_timeout):
                self._lose(manager, f"no heartbeat for {self.heartbeat_timeout} ms")

    # ------------------------------------------------------------------ slots (SlotSide)

    def send(self, slot_id: str, command: Command) -> None:
        """Send a command to a slot; nothing happens if it is gone."""
        manager = self.registry.owner_of(slot_id)
        if manager is not None:
            manager.send(SlotCommand(slot_id=slot_id, command=command))
            self._wake[manager.session].set()

    def _send_to_manager(self, resource_id: str, command: TaskManagerCommand) -> None:
        manager = self.registry.taskmanagers.get(resource_id)
        if manager is not None:
            manager.send(command)
            self._wake[manager.session].set()

    def free(self) -> tuple[SlotAddress, ...]:
        """The slots that nobody uses now."""
        return self.registry.free_slots()

    def take(self, slot_ids: tuple[str, ...]) -> None:
        """These slots are in use."""
        for slot_id in slot_ids:
            manager = self.registry.owner_of(slot_id)
            if manager is not None:
                manager.taken.add(slot_id)
        # Other jobs must not count on them: one that starts again deploys at once to what it knows to be free.
        free = self.registry.free_slots()
        for job in self.jobs.values():
            job.machine.job.free_slots = free

    def release(self, slot_ids: tuple[str, ...]) -> None:
        """End the slots' processes; fresh ones report as new slots."""
        for slot_id in slot_ids:
            manager = self.registry.owner_of(slot_id)
            if manager is not None:
                manager.slots.pop(slot_id)
                manager.taken.discard(slot_id)
                manager.send(RecycleSlot(slot_id=slot_id))
                self._wake[manager.session].set()

    def _offer_slots(self) -> None:
        for job in self.jobs.values():
            if not job.machine.job.status.is_terminal:
                job.handle(SlotsFree(self.registry.free_slots()))

    def _settings(self, configuration: Mapping[str, str]) -> CheckpointSettings:
        settings = read_settings(configuration)
        if settings.directory is None:
            settings = replace(settings, directory=self._fallback_directory)
        return settings
