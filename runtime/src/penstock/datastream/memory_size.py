"""A number of bytes. Public at `penstock.datastream.slot_sharing_group`. Pure."""

from dataclasses import dataclass
from typing import Any

from penstock.common.unsupported import unsupported

_UNITS = (("tb", 4), ("gb", 3), ("mb", 2), ("kb", 1))


@dataclass(frozen=True, slots=True, order=True)
class MemorySize:
    """A number of bytes, readable in larger units, rounded down."""

    bytes_size: int

    def __post_init__(self) -> None:
        if self.bytes_size < 0:
            raise ValueError(f"a size of memory cannot be negative: {self.bytes_size}")

    @staticmethod
    def of_mebi_bytes(mebi_bytes: int) -> "MemorySize":
        """So many times 1024 * 1024 bytes."""
        return MemorySize(mebi_bytes << 20)

    def get_bytes(self) -> int:
        """Bytes."""
        return self.bytes_size

    def get_kibi_bytes(self) -> int:
        """Times 1024 bytes."""
        return self.bytes_size >> 10

    def get_mebi_bytes(self) -> int:
        """Times 1024 * 1024 bytes."""
        return self.bytes_size >> 20

    def get_gibi_bytes(self) -> int:
        """Times 1024³ bytes."""
        return self.bytes_size >> 30

    def get_tebi_bytes(self) -> int:
        """Times 1024⁴ bytes."""
        return self.bytes_size >> 40

    @unsupported("Pass the MemorySize itself")
    def get_java_memory_size(self) -> Any:
        """Refused."""

    def __str__(self) -> str:
        for unit, power in _UNITS:
            if self.bytes_size and not self.bytes_size % (1 << 10 * power):
                return f"{self.bytes_size >> 10 * power} {unit}"
        return f"{self.bytes_size} bytes"
