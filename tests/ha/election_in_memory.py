"""An election in memory for the tests of this area: who led last leads, and everybody before does not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.ha.contract import LeaderAddress, NotLeader


@dataclass
class Election:
    """The place that elects."""

    leader: "Member | None" = None
    address: LeaderAddress | None = None
    pointers: dict[str, str] = field(default_factory=dict)


class Member:
    """Implements HighAvailability."""

    def __init__(self, election: Election) -> None:
        self._election = election
        self._on_lost: Callable[[str], None] = lambda why: None

    def lead(self) -> None:
        before = self._election.leader
        self._election.leader = self
        if before is not None:
            before._on_lost("another one was elected")

    def campaign(
        self, address: LeaderAddress, on_gained: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        self._on_lost = on_lost
        self._election.address = address
        self.lead()
        on_gained()

    @property
    def is_leader(self) -> bool:
        return self._election.leader is self

    def leader(self) -> LeaderAddress | None:
        return self._election.address

    def read(self, name: str) -> str | None:
        return self._election.pointers.get(name)

    def names(self) -> list[str]:
        return sorted(self._election.pointers)

    def write(self, name: str, value: str) -> None:
        self._check()
        self._election.pointers[name] = value

    def delete(self, name: str) -> None:
        self._check()
        self._election.pointers.pop(name, None)

    def close(self) -> None:
        if self.is_leader:
            self._election.leader = self._election.address = None

    def _check(self) -> None:
        if not self.is_leader:
            raise NotLeader("another one leads")
