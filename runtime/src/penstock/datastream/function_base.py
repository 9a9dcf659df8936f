"""The base of every function that a program subclasses; public at `penstock.datastream.functions`."""

from abc import ABC

from penstock.operators.runtime_context import RuntimeContext


class Function(ABC):  # noqa: B024 - a base with optional hooks only
    """A user function: `open` runs before the first record, `close` at the end."""

    def open(self, runtime_context: RuntimeContext) -> None:  # noqa: B027 - optional
        """Prepare; state handles are made here."""

    def close(self) -> None:  # noqa: B027 - optional
        """Release resources."""
