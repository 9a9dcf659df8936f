"""How a TaskManager reaches its JobManager: the port, implemented over HTTP and, in the mini cluster, in process."""

from typing import Protocol

from penstock.control.registration import EventBatch, Poll, Polled, Registered, Registration


class JobManagerLink(Protocol):
    """Calls of the internal app. Each raises LinkDown when the JobManager does not answer."""

    async def register(self, registration: Registration) -> Registered:
        """Introduce the TaskManager."""

    async def poll(self, resource_id: str, poll: Poll) -> Polled:
        """Wait for commands."""

    async def send_events(self, resource_id: str, batch: EventBatch) -> bool:
        """Report; false when the session is over."""

    async def close(self) -> None:
        """Release connections."""


class LinkDown(Exception):
    """The JobManager does not answer; trying again may help."""
