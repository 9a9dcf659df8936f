"""One job in the shell: its machine, its storage, its enumerators, its timer. Carries out the machine's effects.

Owned by `jobmanager.master`; everything here runs in the event loop, I/O in worker threads whose results come back as
events, one after the other where order matters.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from penstock.checkpoint.store import SnapshotProblem, Superseded
from penstock.control.messages import Command, SlotAddress
from penstock.filesystems.errors import FileSystemError
from penstock.ha.contract import HighAvailabilityDown, NotLeader
from penstock.jobmanager import effects
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.enumerators import Enumerators
from penstock.jobmanager.events import (
    JobEvent,
    PreparationFailed,
    Prepared,
    RequirementsChanged,
    SlotsFree,
    Tick,
)
from penstock.jobmanager.machine import JobMachine
from penstock.jobmanager.storage import JobStorage

log = logging.getLogger(__name__)
_MAY_DEPLOY = (Prepared, RequirementsChanged, Tick)


class SlotSide(Protocol):
    """What a job may do with slots."""

    def send(self, slot_id: str, command: Command) -> None:
        """Send a command; nothing happens if the slot is gone."""

    def free(self) -> tuple[SlotAddress, ...]:
        """The slots that nobody uses now."""

    def take(self, slot_ids: tuple[str, ...]) -> None:
        """These are the job's."""

    def release(self, slot_ids: tuple[str, ...]) -> None:
        """End their processes."""


class RunningJob:
    """Feeds the machine and does what it says."""

    def __init__(self, machine: JobMachine, storage: JobStorage, slots: SlotSide) -> None:
        self.machine = machine
        self.storage = storage
        self._slots = slots
        self._loop = asyncio.get_running_loop()
        self._io = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._enumerators: Enumerators | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._is_closed = False
        self.ended = asyncio.Event()
        """Set when the job is terminal and its end is on record."""

    def start(self) -> None:
        """Begin."""
        self._carry_out(self.machine.start(now_ms()))

    def handle(self, event: JobEvent) -> None:
        """Feed an event, in the event loop; one that comes after the end of this JobManager's part is another's."""
        if self._is_closed:
            return
        before = self.machine.job.status
        if isinstance(event, PreparationFailed):
            log.warning(
                "Job %s: no attempt could be prepared: %s", self.machine.job.id, event.failure.message
            )
        if isinstance(event, _MAY_DEPLOY) and self.machine.job.free_slots != (free := self._slots.free()):
            # Another job may have taken what was offered to both.
            self._carry_out(self.machine.handle(SlotsFree(free), now_ms()))
        wanted = self.machine.handle(event, now_ms())
        after = self.machine.job.status
        if before is not after:
            failure = self.machine.job.failure
            why = f": {failure.message}" if failure and after in ("FAILING", "FAILED", "RESTARTING") else ""
            log.info("Job %s switched from %s to %s%s", self.machine.job.id, before, after, why)
        self._carry_out(wanted)
        if isinstance(event, RequirementsChanged):
            bounds = {key: (its.lower, its.upper) for key, its in event.wanted.items()}
            self._quietly(lambda: self.storage.keep_requirements(bounds))

    def close(self) -> None:
        """Stop threads and timers; the job is lost to this process."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._stop_enumerators()
        self._io.shutdown(wait=False, cancel_futures=True)

    def _carry_out(self, wanted: list[effects.Effect]) -> None:
        for effect in wanted:
            self._do(effect)
        if self.machine.job.status == "FAILED" and not self._is_ending:
            self._is_ending = True
            self._quietly(self.storage.forget, self.ended.set)
        self._set_timer()

    def _do(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Send):
            self._slots.send(effect.slot_id, effect.command)
        elif isinstance(effect, effects.TakeSlots):
            self._slots.take(effect.slot_ids)
        elif isinstance(effect, effects.ReleaseSlots):
            self._slots.release(effect.slot_ids)
        elif isinstance(effect, effects.StartEnumerators):
            self._stop_enumerators()
            configuration = self.machine.job.options.configuration
            self._enumerators = Enumerators(effect, configuration, self._post)
        elif isinstance(effect, effects.StopEnumerators):
            self._stop_enumerators()
        elif isinstance(effect, effects.AskForSplits):
            if self._enumerators is not None:
                self._enumerators.ask(effect.vertex_id, effect.index)
        elif isinstance(effect, effects.ReturnSplits):
            if self._enumerators is not None:
                self._enumerators.give_back(effect.vertex_id, effect.indexes, effect.splits)
        elif isinstance(effect, effects.SnapshotEnumerators):
            if self._enumerators is not None:
                self._enumerators.snapshot(effect.checkpoint_id)
        else:
            self._store(effect)

    def _store(self, effect: effects.Effect) -> None:
        storage = self.storage
        if isinstance(effect, effects.Prepare):
            self._in_thread(lambda: storage.prepare(effect.known))
        elif isinstance(effect, effects.WriteMetadata):
            self._in_thread(lambda: storage.write(effect.location, effect.metadata))
        elif isinstance(effect, effects.MarkCommitted):
            self._quietly(lambda: storage.mark_committed(effect.location, effect.checkpoint_id))
        elif isinstance(effect, effects.Discard):
            self._quietly(lambda: storage.discard(effect.location))
        elif isinstance(effect, effects.Prune):
            self._quietly(lambda: storage.prune(effect.keep))
        elif isinstance(effect, effects.StoreResult):
            self._quietly(lambda: storage.write_result(effect.status), self.ended.set)

    def _in_thread(self, work: Callable[[], JobEvent]) -> None:
        self._io.submit(lambda: self._post(work()))

    def _quietly(self, work: Callable[[], None], then: Callable[[], None] | None = None) -> None:
        """Storage work whose failure the job survives: it is logged."""

        def run() -> None:
            try:
                work()
            except (FileSystemError, SnapshotProblem, Superseded, NotLeader, HighAvailabilityDown) as error:
                log.warning("storage: %s: %s", type(error).__name__, error)
            except Exception:
                log.exception("storage: the work failed, and the job goes on")
            finally:
                if then is not None:
                    self._call_soon(then)

        self._io.submit(run)

    def _post(self, event: JobEvent) -> None:
        self._call_soon(lambda: self.handle(event))

    def _call_soon(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            return  # the loop is closed: the process is ending

    def _stop_enumerators(self) -> None:
        if self._enumerators is not None:
            self._enumerators.close()
            self._enumerators = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake = self.machine.next_wake()
        if wake is not None and not self.machine.job.status.is_terminal:
            delay = max(0.001, (wake - now_ms()) / 1000)
            self._timer = self._loop.call_later(delay, lambda: self.handle(Tick()))
