"""Answers that callers wait for: how a stop or a cancellation that they asked for went.

Noted by the routes. `launch.jobmanager` waits a little for them before an application's JobManager ends with its job,
which both bring about, as Flink's does before it drops what operations came to.
"""

import asyncio

from starlette.requests import Request


class OwedAnswers:
    """What was asked for and has not been told yet."""

    def __init__(self) -> None:
        self._owed: set[str] = set()
        self._nothing = asyncio.Event()
        self._nothing.set()

    def owe(self, key: str) -> None:
        """Somebody will ask for it."""
        self._owed.add(key)
        self._nothing.clear()

    def told(self, key: str) -> None:
        """Somebody has asked for it, and was told how it went."""
        self._owed.discard(key)
        if not self._owed:
            self._nothing.set()

    async def all_told(self, seconds: float) -> bool:
        """Wait until nothing is owed; False where somebody did not come for it in time."""
        try:
            await asyncio.wait_for(self._nothing.wait(), seconds)
        except TimeoutError:
            return False
        return True


def owe(request: Request, key: str) -> None:
    """Note it where this app keeps such notes."""
    found: OwedAnswers | None = getattr(request.app.state, "owed", None)
    if found is not None:
        found.owe(key)


def told(request: Request, key: str) -> None:
    """Note that the caller knows."""
    found: OwedAnswers | None = getattr(request.app.state, "owed", None)
    if found is not None:
        found.told(key)
