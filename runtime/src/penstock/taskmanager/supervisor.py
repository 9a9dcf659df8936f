"""The TaskManager: a process per slot, and the talk with the JobManager. Runs no user code itself.

Started by `launch.taskmanager` and the mini cluster. Its slots never outlive the session: when the JobManager's session
changes or its heartbeat stops, every slot's process ends, and with it every task (Decision 12).
"""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.control.messages import Event, Inspected, SlotLost
from penstock.control.registration import (
    EventBatch,
    InspectManager,
    Poll,
    RecycleSlot,
    Registered,
    Registration,
    SlotEvent,
    TaskManagerCommand,
)
from penstock.taskmanager.host_identity import host_identity
from penstock.taskmanager.inspection import LogFiles, inspect_manager
from penstock.taskmanager.link import JobManagerLink, LinkDown
from penstock.taskmanager.options import WorkerOptions
from penstock.taskmanager.process_figures import ProcessFigures, memory_limit
from penstock.taskmanager.slot_process import SlotProcess

log = logging.getLogger(__name__)
RETRY_SECONDS = 0.3
FAST_DEATH_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 30.0


@dataclass(slots=True, frozen=True)
class TaskManagerOptions:
    """What a TaskManager is started with."""

    resource_id: str
    slots: int
    directory: Path
    """Folder of its sockets, mode 0700."""
    configuration: Mapping[str, str]
    host: str | None = None
    bind_host: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    logs: LogFiles = field(default_factory=lambda: LogFiles("taskmanager.log"))


class Supervisor:
    """Runs until `stop`. All of its state belongs to the event loop."""

    def __init__(self, options: TaskManagerOptions, link: JobManagerLink) -> None:
        self._options, self._link = options, link
        self._host_id = host_identity(options.directory)
        self._slots: dict[str, SlotProcess] = {}
        self._started: dict[str, float] = {}
        self._failed_starts = 0
        """How many slots in a row ended before they were ready."""
        self._ended: list[SlotProcess] = []
        self._ready: dict[str, SlotEvent] = {}
        self._outbox: list[SlotEvent] = []
        self._outbox_filled = asyncio.Event()
        self._session: Registered | None = None
        self._after = 0
        self._batch = 0
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._figures = ProcessFigures()

    async def run(self) -> None:
        """Serve until `stop`; then end every slot."""
        self._options.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _ in range(self._options.slots):
            self._start_slot()
        work = [asyncio.create_task(self._poll_for_ever()), asyncio.create_task(self._send_for_ever())]
        try:
            await self._stopped.wait()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await self._end_slots()
            await self._link.close()

    def stop(self) -> None:
        """End, from the event loop."""
        self._stopped.set()

    # ------------------------------------------------------------------ slots

    def _start_slot(self) -> None:
        slot_id = f"{self._options.resource_id}-{uuid.uuid4().hex[:8]}"
        options = WorkerOptions(
            slot_id=slot_id,
            host_id=self._host_id,
            directory=str(self._options.directory),
            host=self._options.host,
            bind_host=self._options.bind_host,
            configuration=dict(self._options.configuration),
        )
        self._slots[slot_id] = SlotProcess(options, self._options.environment, self._event, self._exit)
        self._started[slot_id] = time.monotonic()

    def _event(self, slot_id: str, event: Event) -> None:
        self._call(lambda: self._take_event(slot_id, event))

    def _exit(self, slot_id: str, status: str) -> None:
        self._call(lambda: self._slot_ended(slot_id, status))

    def _take_event(self, slot_id: str, event: Event) -> None:
        if slot_id not in self._slots:
            return
        reported = SlotEvent(slot_id=slot_id, event=event)
        if event.type == "slot-ready":
            self._ready[slot_id] = reported
            self._failed_starts = 0
        self._report(reported)

    def _slot_ended(self, slot_id: str, status: str) -> None:
        process = self._slots.pop(slot_id, None)
        was_ready = self._ready.pop(slot_id, None) is not None
        lived = time.monotonic() - self._started.pop(slot_id, 0.0)
        if process is None or self._stopped.is_set():
            return
        log.warning("slot %s ended: %s", slot_id, status)
        self._failed_starts = 0 if was_ready else self._failed_starts + 1
        lost = SlotLost(slot_id=slot_id, exit_status=status, failed_starts=self._failed_starts)
        self._report(SlotEvent(slot_id=slot_id, event=lost))
        # A worker that dies as it starts must not be restarted in a busy loop.
        delay = RETRY_SECONDS if lived < FAST_DEATH_SECONDS or not was_ready else 0
        longer = delay * 2 ** min(10, max(0, self._failed_starts - self._options.slots))
        self._loop.call_later(min(LONGEST_RETRY_SECONDS, longer), self._refill)

    def _refill(self) -> None:
        while not self._stopped.is_set() and len(self._slots) < self._options.slots:
            self._start_slot()

    def _recycle(self, slot_id: str) -> None:
        process = self._slots.pop(slot_id, None)
        if process is not None:
            self._ready.pop(slot_id, None)
            self._started.pop(slot_id, None)
            process.kill()
            self._ended.append(process)
            self._refill()

    def _recycle_all(self, why: str) -> None:
        log.warning("all slots start afresh: %s", why)
        self._outbox.clear()
        for slot_id in list(self._slots):
            self._recycle(slot_id)

    async def _end_slots(self) -> None:
        processes = [*self._slots.values(), *self._ended]
        self._slots.clear()
        for process in processes:
            process.kill()
        for process in processes:
            await asyncio.to_thread(process.join)

    # ------------------------------------------------------------------ JobManager

    async def _poll_for_ever(self) -> None:
        heard = time.monotonic()
        # Not `while True`: a wait that ends as it is cancelled may swallow the cancellation.
        while not self._stopped.is_set():
            try:
                if self._session is None:
                    await self._register()
                    heard = time.monotonic()
                await self._poll_once()
                heard = time.monotonic()
            except LinkDown as error:
                session = self._session
                if session and time.monotonic() - heard > session.heartbeat_timeout_ms / 1000:
                    self._session = None
                    self._recycle_all(f"the JobManager does not answer: {error}")
                await asyncio.sleep(RETRY_SECONDS)

    async def _register(self) -> None:
        options = self._options
        registration = Registration(
            resource_id=options.resource_id,
            host_id=self._host_id,
            slots=options.slots,
            pid=os.getpid(),
            hardware={"cpuCores": os.cpu_count() or 1, "physicalMemory": memory_limit()},
        )
        session = await self._link.register(registration)
        self._session, self._after, self._batch = session, 0, 0
        self._outbox = list(self._ready.values())
        self._outbox_filled.set()
        log.info("TaskManager %s registered at the JobManager", options.resource_id)

    async def _poll_once(self) -> None:
        session = self._session
        if session is None:
            return
        pids = [os.getpid(), *(process.pid for process in self._slots.values())]
        poll = Poll(
            session=session.session,
            after=self._after,
            wait_ms=session.heartbeat_interval_ms,
            metrics=self._figures.read(pids),
        )
        answer = await self._link.poll(self._options.resource_id, poll)
        if answer.session != session.session:
            self._session = None
            self._recycle_all("the JobManager's session changed")
            return
        for numbered in answer.commands:
            if numbered.number > self._after:
                self._after = numbered.number
                self._obey(numbered.command)

    def _obey(self, command: TaskManagerCommand) -> None:
        if isinstance(command, RecycleSlot):
            self._recycle(command.slot_id)
        elif isinstance(command, InspectManager):
            wanted = command.inspection
            found = inspect_manager(wanted, self._options.logs)
            self._report(SlotEvent(slot_id="", event=Inspected(request_id=wanted.request_id, found=found)))
        else:
            process = self._slots.get(command.slot_id)
            if process is not None:
                process.send(command.command)

    def _report(self, reported: SlotEvent) -> None:
        self._outbox.append(reported)
        self._outbox_filled.set()

    async def _send_for_ever(self) -> None:
        while not self._stopped.is_set():
            await self._outbox_filled.wait()
            self._outbox_filled.clear()
            while self._outbox and self._session is not None:
                await self._send_once(self._session)

    async def _send_once(self, session: Registered) -> None:
        events, self._outbox = self._outbox, []
        self._batch += 1
        batch = EventBatch(session=session.session, number=self._batch, events=events)
        while self._session is session:
            try:
                await self._link.send_events(self._options.resource_id, batch)
                return
            except LinkDown:
                await asyncio.sleep(RETRY_SECONDS)

    def _call(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            return  # the loop is closed: the process is ending
