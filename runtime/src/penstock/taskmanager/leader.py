"""The JobManager that leads, whichever it is: implements `taskmanager.link` where several JobManagers stand for election.

Made by `taskmanager.client`. When another one is elected the session is over at once, although the old one may still
answer, or hang: the supervisor then ends every slot and registers at the new one.
"""

import asyncio
import contextlib
from collections.abc import Callable

from penstock.control.registration import EventBatch, Poll, Polled, Registered, Registration
from penstock.ha.contract import HighAvailability, HighAvailabilityDown, LeaderAddress
from penstock.taskmanager.link import JobManagerLink, LinkDown

_OVER = Polled(session="")


class LeaderLink:
    """See JobManagerLink. `open_ha` and `link_to` are called when they are needed, the first in a thread."""

    def __init__(
        self,
        open_ha: Callable[[], HighAvailability],
        link_to: Callable[[str], JobManagerLink],
        watch_seconds: float,
    ) -> None:
        self._open, self._link_to = open_ha, link_to
        self._watch_seconds = watch_seconds
        self._ha: HighAvailability | None = None
        self._link: JobManagerLink | None = None
        self._token = ""

    async def register(self, registration: Registration) -> Registered:
        """Find the leader and introduce the TaskManager to it."""
        address = await asyncio.to_thread(self._leader)
        if address is None:
            raise LinkDown("no JobManager leads now")
        if self._link is not None:
            await self._link.close()
        self._link, self._token = self._link_to(address.internal), address.token
        return await self._link.register(registration)

    async def poll(self, resource_id: str, poll: Poll) -> Polled:
        """Wait for commands, or for another leader."""
        if self._link is None:
            return _OVER
        asked = asyncio.create_task(self._link.poll(resource_id, poll))
        watched = asyncio.create_task(self._until_another_leads())
        try:
            await asyncio.wait({asked, watched}, return_when=asyncio.FIRST_COMPLETED)
            if watched.done():
                return _OVER
            return await asked
        except LinkDown:
            if await self._does_another_lead():
                return _OVER
            raise
        finally:
            for task in (asked, watched):
                task.cancel()
            await asyncio.gather(asked, watched, return_exceptions=True)

    async def send_events(self, resource_id: str, batch: EventBatch) -> bool:
        """Report."""
        if self._link is None:
            raise LinkDown("no JobManager leads now")
        return await self._link.send_events(resource_id, batch)

    async def close(self) -> None:
        """Release connections."""
        if self._link is not None:
            await self._link.close()
        if self._ha is not None:
            await asyncio.to_thread(self._ha.close)

    async def _until_another_leads(self) -> None:
        while True:
            await asyncio.sleep(self._watch_seconds)
            if await self._does_another_lead():
                return

    async def _does_another_lead(self) -> bool:
        with contextlib.suppress(LinkDown):
            address = await asyncio.to_thread(self._leader)
            return address is not None and address.token != self._token
        return False

    def _leader(self) -> LeaderAddress | None:
        try:
            if self._ha is None:
                self._ha = self._open()
            return self._ha.leader()
        except HighAvailabilityDown as error:
            raise LinkDown(str(error)) from error
