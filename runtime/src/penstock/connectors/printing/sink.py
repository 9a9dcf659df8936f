"""Writes each record as a line to the standard output or error of the slot, with Flink's prefixes.

`3> x` from subtask 3 of many, `x` alone at parallelism 1; with an identifier `id:3> x` and `id> x`. One
phase: after a restart lines may repeat. Never raises for a closed pipe at the end of the job.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.connectors.contract import SinkContext
from penstock.operators.contract import Batch


def line_prefix(identifier: str, subtask_index: int, parallelism: int) -> str:
    """What stands before each record."""
    parts = [identifier] if identifier else []
    if parallelism > 1:
        parts.append(str(subtask_index + 1))
    return f"{':'.join(parts)}> " if parts else ""


class PrintWriter:
    """Prints a batch with one write, so that lines of several slots do not mix."""

    def __init__(self, identifier: str, to_stderr: bool, render: Callable[[Any], str]) -> None:
        self._identifier = identifier
        self._to_stderr = to_stderr
        self._render = render
        self._prefix = ""

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Learn the prefix."""
        self._prefix = line_prefix(self._identifier, ctx.subtask_index, ctx.parallelism)

    def write(self, batch: Batch) -> None:
        """Print."""
        stream = sys.stderr if self._to_stderr else sys.stdout
        stream.write("".join(f"{self._prefix}{self._render(value)}\n" for value in batch.values))
        stream.flush()

    def flush(self) -> None:
        """Nothing is held back."""

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """One phase."""
        return []

    def snapshot(self) -> list[dict[str, Any]]:
        """No state."""
        return []

    def close(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True, slots=True)
class PrintSink:
    """The sink; `render` makes a record's text."""

    identifier: str = ""
    to_stderr: bool = False
    render: Callable[[Any], str] = str

    def create_writer(self) -> PrintWriter:
        """A writer for one subtask."""
        return PrintWriter(self.identifier, self.to_stderr, self.render)

    def create_committer(self) -> None:
        """One phase."""
        return
