"""When a part of the file sink ends. Values; the writer asks at every write and at every barrier."""

from dataclasses import dataclass

DEFAULT_PART_BYTES = 128 << 20
DEFAULT_INTERVAL_MS = 60_000


@dataclass(frozen=True, slots=True)
class Rolling:
    """The conditions, any of which ends a part. An interval of None never does."""

    part_bytes: int = DEFAULT_PART_BYTES
    rollover_ms: int | None = None
    """Since the part began."""
    inactivity_ms: int | None = None
    """Since its last record."""
    is_at_checkpoint: bool = True
    """Every checkpoint ends it; bulk formats always do so."""

    def __post_init__(self) -> None:
        for name in ("part_bytes", "rollover_ms", "inactivity_ms"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"the rolling policy's {name} must be above 0, not {value}")

    def is_full(self, size: int) -> bool:
        """Whether a part of so many bytes ends at once."""
        return size >= self.part_bytes

    def is_old(self, now_ms: float, began_ms: float, written_ms: float) -> bool:
        """Whether a part that began and was last written to at these times ends now."""
        if self.rollover_ms is not None and now_ms - began_ms >= self.rollover_ms:
            return True
        return self.inactivity_ms is not None and now_ms - written_ms >= self.inactivity_ms
