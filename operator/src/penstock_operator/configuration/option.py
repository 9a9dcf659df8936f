"""One key of the operator's configuration: its name, type, default, scope, meaning, and what became of it here.

Values only; `options.py` holds the table, `values.py` reads by it, `reference.py` writes the page from it. Pure.
"""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "kubernetes.operator."
"""Of every key in the table, which is written without it."""


class Scope(StrEnum):
    """Where a key counts."""

    SYSTEM = "system"
    """In the operator's own configuration, read when the process starts."""
    RELOADED = "system, reloaded"
    """In the operator's own configuration; a change counts without a restart."""
    DYNAMIC = "resource"
    """In a resource's `flinkConfiguration` too, without a restart of its job."""


class OptionType(StrEnum):
    """How the text of a value is read."""

    TEXT = "text"
    NAMES = "names"
    """Texts with commas between them."""
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DURATION = "duration"
    PERIOD = "period"
    """A duration or a cron expression."""
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Option:
    """One key. `instead` is empty where it is honoured, else says what replaces it or why it has no meaning here."""

    key: str
    type: OptionType
    default: str
    scope: Scope
    meaning: str
    instead: str = ""
    choices: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    """Names that the key had, still read."""

    @property
    def name(self) -> str:
        """The whole key."""
        return f"{PREFIX}{self.key}"

    @property
    def is_honoured(self) -> bool:
        """Whether a value changes what the operator does."""
        return not self.instead
