"""What a place that elects a leader must offer. Implemented by `ha.zookeeper` and `ha.kubernetes`.

Used by `launch.standby` (campaign), `ha.jobs` (pointers) and `taskmanager.leader` (who leads). Every call may block:
never from an event loop.
"""

from collections.abc import Callable
from typing import Protocol

from pydantic import BaseModel, ConfigDict


class LeaderAddress(BaseModel):
    """Where a JobManager is reached; `token` is new for every term of office."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: str
    internal: str
    """`unix:PATH` or `https://HOST:PORT`, for TaskManagers."""
    rest: str
    """`http://HOST:PORT`."""


class NotLeader(Exception):
    """Another JobManager leads, or may lead by now: nothing was changed."""


class HighAvailabilityDown(Exception):
    """The place that elects does not answer; trying again may help."""


class HighAvailability(Protocol):
    """Thread-safe."""

    def campaign(
        self, address: LeaderAddress, on_gained: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        """Stand for one term, in a thread: `on_gained` when it begins, `on_lost` (why) once when it ends."""

    @property
    def is_leader(self) -> bool:
        """Certainly the leader now: false from the moment on at which another one may be elected."""

    def leader(self) -> LeaderAddress | None:
        """Who leads; None while nobody does. HighAvailabilityDown if that cannot be known."""

    def read(self, name: str) -> str | None:
        """The value of a pointer, None if there is none."""

    def names(self) -> list[str]:
        """All pointers."""

    def write(self, name: str, value: str) -> None:
        """Set a pointer; NotLeader, and nothing is changed, unless this process leads."""

    def delete(self, name: str) -> None:
        """Remove a pointer; NotLeader as for `write`."""

    def close(self) -> None:
        """Give up: a term ends at once, so that the next leader need not wait."""
