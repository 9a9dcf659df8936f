"""Slot sharing groups: operators of different groups run in different slots."""

from dataclasses import dataclass, field
from typing import Any, Self

from penstock.common.unsupported import unsupported
from penstock.datastream.memory_size import MemorySize

__all__ = ["MemorySize", "SlotSharingGroup", "SlotSharingGroupBuilder"]


class SlotSharingGroupBuilder:
    """Builds a group; every set method returns the builder."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._cpu_cores: float | None = None
        self._heap: MemorySize | None = None
        self._off_heap: MemorySize | None = None
        self._managed: MemorySize | None = None
        self._external: dict[str, float] = {}

    def set_cpu_cores(self, cpu_cores: float) -> Self:
        """Set how many cores the group's slots need."""
        if cpu_cores <= 0:
            raise ValueError(f"a group needs more than {cpu_cores} cores")
        self._cpu_cores = cpu_cores
        return self

    def set_task_heap_memory(self, task_heap_memory: MemorySize) -> Self:
        """Set the memory of the group's functions."""
        if not task_heap_memory.get_bytes():
            raise ValueError("a group needs some memory")
        self._heap = task_heap_memory
        return self

    def set_task_heap_memory_mb(self, task_heap_memory_mb: int) -> Self:
        """Set the memory of the group's functions, in MiB."""
        return self.set_task_heap_memory(MemorySize.of_mebi_bytes(task_heap_memory_mb))

    def set_task_off_heap_memory(self, task_off_heap_memory: MemorySize) -> Self:
        """Set the native memory of the group's functions."""
        self._off_heap = task_off_heap_memory
        return self

    def set_task_off_heap_memory_mb(self, task_off_heap_memory_mb: int) -> Self:
        """Set the native memory of the group's functions, in MiB."""
        return self.set_task_off_heap_memory(MemorySize.of_mebi_bytes(task_off_heap_memory_mb))

    def set_managed_memory(self, managed_memory: MemorySize) -> Self:
        """Set the memory of the group's state."""
        self._managed = managed_memory
        return self

    def set_managed_memory_mb(self, managed_memory_mb: int) -> Self:
        """Set the memory of the group's state, in MiB."""
        return self.set_managed_memory(MemorySize.of_mebi_bytes(managed_memory_mb))

    def set_external_resource(self, name: str, value: float) -> Self:
        """Set how much of another resource, such as gpu, the group needs."""
        if value <= 0:
            raise ValueError(f"a group needs more than {value} of {name!r}")
        self._external[name] = value
        return self

    def build(self) -> "SlotSharingGroup":
        """The group. Without cores and heap memory no other resource can be set."""
        named = (self._off_heap, self._managed, *self._external.values())
        is_specified = self._cpu_cores is not None and self._heap is not None
        if not is_specified and (self._cpu_cores is not None or self._heap is not None or any(named)):
            raise ValueError("the resources of a group need both cores and heap memory")
        zero = MemorySize(0) if is_specified else None
        return SlotSharingGroup(
            self._name,
            self._cpu_cores,
            self._heap,
            self._off_heap or zero,
            self._managed or zero,
            dict(self._external),
        )


@dataclass(frozen=True)
class SlotSharingGroup:
    """A named group: `SlotSharingGroup.builder("heavy").build()`.

    Resources are kept and readable; a slot's own are its TaskManager's, so they do not choose where a group runs.
    """

    Builder = SlotSharingGroupBuilder

    name: str
    cpu_cores: float | None = None
    task_heap_memory: MemorySize | None = None
    task_off_heap_memory: MemorySize | None = None
    managed_memory: MemorySize | None = None
    external_resources: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a slot sharing group needs a name that is not empty")

    def __hash__(self) -> int:
        return hash(self.name)

    def get_name(self) -> str:
        """The name."""
        return self.name

    def get_managed_memory(self) -> MemorySize | None:
        """The memory of the group's state."""
        return self.managed_memory

    def get_task_heap_memory(self) -> MemorySize | None:
        """The memory of the group's functions."""
        return self.task_heap_memory

    def get_task_off_heap_memory(self) -> MemorySize | None:
        """The native memory of the group's functions."""
        return self.task_off_heap_memory

    def get_cpu_cores(self) -> float | None:
        """The cores of a slot of the group."""
        return self.cpu_cores

    def get_external_resources(self) -> dict[str, float]:
        """Other resources of a slot of the group."""
        return dict(self.external_resources)

    @unsupported("Pass the SlotSharingGroup itself, or its name")
    def get_java_slot_sharing_group(self) -> Any:
        """Refused."""

    @staticmethod
    def builder(name: str) -> SlotSharingGroupBuilder:
        """A builder of that group."""
        return SlotSharingGroupBuilder(name)
