"""Questions to processes that run: sent to slots and TaskManagers, answered by their events. Asked by REST.

Owned by `jobmanager.master`, in its event loop. Every question has a deadline; what has not answered by then is left out.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from penstock.control.messages import Command, Inspect, Inspected, InspectionSubject
from penstock.control.registration import InspectManager, TaskManagerCommand

Found = dict[str, Any]


class Inspections:
    """Open questions."""

    def __init__(
        self, to_slot: Callable[[str, Command], None], to_manager: Callable[[str, TaskManagerCommand], None]
    ) -> None:
        self._to_slot, self._to_manager = to_slot, to_manager
        self._open: dict[str, asyncio.Future[Found]] = {}

    def answered(self, event: Inspected) -> None:
        """An answer has come; one that is too late is dropped."""
        future = self._open.pop(event.request_id, None)
        if future is not None and not future.done():
            future.set_result(event.found)

    async def ask_slots(
        self, slot_ids: Iterable[str], subject: InspectionSubject, samples: int = 0, interval_ms: int = 0
    ) -> dict[str, Found]:
        """Ask several slots at once; those that answer in time."""
        waiting: dict[str, asyncio.Future[Found]] = {}
        for slot_id in slot_ids:
            wanted = Inspect(
                request_id=uuid.uuid4().hex, subject=subject, samples=samples, interval_ms=interval_ms
            )
            waiting[slot_id] = self._question(wanted)
            self._to_slot(slot_id, wanted)
        return await self._gather(waiting, 5.0 + 2 * samples * interval_ms / 1000)

    async def ask_manager(self, resource_id: str, subject: InspectionSubject, name: str = "") -> Found | None:
        """Ask a TaskManager's own process; None if it does not answer in time."""
        wanted = Inspect(request_id=uuid.uuid4().hex, subject=subject, name=name)
        waiting = {resource_id: self._question(wanted)}
        self._to_manager(resource_id, InspectManager(inspection=wanted))
        return (await self._gather(waiting, 5.0)).get(resource_id)

    def _question(self, wanted: Inspect) -> asyncio.Future[Found]:
        future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._open[wanted.request_id] = future
        future.add_done_callback(lambda _: self._open.pop(wanted.request_id, None))
        return future

    async def _gather(
        self, waiting: dict[str, asyncio.Future[Found]], deadline_seconds: float
    ) -> dict[str, Found]:
        if not waiting:
            return {}
        done, late = await asyncio.wait(waiting.values(), timeout=deadline_seconds)
        for future in late:
            future.cancel()
        return {name: future.result() for name, future in waiting.items() if future in done}
