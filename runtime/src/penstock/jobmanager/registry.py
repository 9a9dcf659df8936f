"""The TaskManagers that this JobManager knows: sessions, outgoing commands, slots, heartbeats. Pure but for ids.

Owned by `jobmanager.master`, in its event loop.
"""

import uuid
from dataclasses import dataclass, field

from penstock.control.messages import SlotAddress
from penstock.control.registration import NumberedCommand, Registration, TaskManagerCommand


@dataclass(slots=True)
class TaskManager:
    """One registered TaskManager."""

    registration: Registration
    registered: int
    last_heard: int
    session: str
    slots: dict[str, SlotAddress] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    outgoing: list[NumberedCommand] = field(default_factory=list)
    next_number: int = 1
    last_batch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    """Its newest figures."""

    @property
    def resource_id(self) -> str:
        """Its name."""
        return self.registration.resource_id

    def send(self, command: TaskManagerCommand) -> None:
        """Queue a command."""
        self.outgoing.append(NumberedCommand(number=self.next_number, command=command))
        self.next_number += 1

    def unacknowledged(self, after: int) -> list[NumberedCommand]:
        """Commands above `after`; those up to it have arrived and are forgotten."""
        self.outgoing = [numbered for numbered in self.outgoing if numbered.number > after]
        return list(self.outgoing)


class Registry:
    """All TaskManagers, by resource id; a session is the JobManager's token and the TaskManager's own."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self.taskmanagers: dict[str, TaskManager] = {}

    def register(self, registration: Registration, now: int) -> TaskManager:
        """A new session; the caller has dealt with an old one of the same name."""
        session = f"{self.token}.{uuid.uuid4().hex}"
        manager = TaskManager(registration, now, now, session)
        self.taskmanagers[registration.resource_id] = manager
        return manager

    def find(self, resource_id: str, session: str) -> TaskManager | None:
        """The TaskManager if that is its session."""
        manager = self.taskmanagers.get(resource_id)
        return manager if manager is not None and manager.session == session else None

    def owner_of(self, slot_id: str) -> TaskManager | None:
        """The TaskManager of a slot."""
        for manager in self.taskmanagers.values():
            if slot_id in manager.slots:
                return manager
        return None

    def free_slots(self) -> tuple[SlotAddress, ...]:
        """Slots that nobody uses, by TaskManager and age."""
        return tuple(
            address
            for manager in self.taskmanagers.values()
            for slot_id, address in manager.slots.items()
            if slot_id not in manager.taken
        )

    def silent_since(self, limit: int) -> list[TaskManager]:
        """TaskManagers that were last heard before `limit`."""
        return [manager for manager in self.taskmanagers.values() if manager.last_heard < limit]

    @property
    def slot_count(self) -> int:
        """All slots that are up."""
        return sum(len(manager.slots) for manager in self.taskmanagers.values())
