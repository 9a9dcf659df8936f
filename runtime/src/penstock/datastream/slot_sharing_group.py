"""Slot sharing groups: operators of different groups run in different slots."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class SlotSharingGroup:
    """A named group: `SlotSharingGroup.builder("heavy").build()`."""

    name: str

    def get_name(self) -> str:
        """The name."""
        return self.name

    @staticmethod
    def builder(name: str) -> "SlotSharingGroupBuilder":
        """A builder of that group."""
        return SlotSharingGroupBuilder(name)


class SlotSharingGroupBuilder:
    """Builds a group. Resources are those of the slots: what is set here is kept for compatibility only."""

    def __init__(self, name: str) -> None:
        self._name = name

    def set_cpu_cores(self, cpu_cores: float) -> Self:
        """Accepted."""
        return self

    def set_task_heap_memory_mb(self, task_heap_memory_mb: int) -> Self:
        """Accepted."""
        return self

    def build(self) -> SlotSharingGroup:
        """The group."""
        return SlotSharingGroup(self._name)
