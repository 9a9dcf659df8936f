"""The id of a job: 32 hex digits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobID:
    """The id of a job."""

    hex: str

    def __str__(self) -> str:
        return self.hex
