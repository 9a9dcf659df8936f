"""Drops every record; for measuring, and for streams whose work is done on the way. One phase, no state."""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.connectors.contract import Sink as ConnectorSink
from penstock.connectors.contract import SinkContext
from penstock.connectors.public import Sink
from penstock.operators.contract import Batch


class DiscardingWriter:
    """Takes records and keeps none."""

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Nothing to open."""

    def write(self, batch: Batch) -> None:
        """Drop them."""

    def flush(self) -> None:
        """Nothing is held."""

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """One phase."""
        return []

    def snapshot(self) -> list[dict[str, Any]]:
        """No state."""
        return []

    def close(self) -> None:
        """Nothing to release."""


class DiscardingSink(Sink):
    """Drops every record (Flink's `DiscardingSink`; PyFlink has none)."""

    def __init__(self) -> None:  # has no sink within: it is its own
        pass

    def connector_sink(self) -> ConnectorSink:
        """What the sink operator runs: this."""
        return self

    def create_writer(self) -> DiscardingWriter:
        """A writer."""
        return DiscardingWriter()

    def create_committer(self) -> None:
        """One phase."""
        return
