"""What most operators share: do nothing at every call but `process`, and pass watermarks on.

The one base class of `operators/`; an operator overrides what it needs. Never holds state of its own.
"""

from typing import Any

from penstock.operators.contract import Batch, OperatorContext, OperatorSnapshot

EMPTY_SNAPSHOT = OperatorSnapshot()


class PassiveOperator:
    """An operator that forwards watermarks and otherwise ignores everything."""

    ctx: OperatorContext

    def open(self, ctx: OperatorContext) -> None:
        """Keep the context."""
        self.ctx = ctx

    def process(self, batch: Batch, input_index: int) -> None:
        """Pass records on."""
        self.ctx.output.emit(batch)

    def on_watermark(self, timestamp: int) -> None:
        """Pass it on."""
        self.ctx.output.emit_watermark(timestamp)

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Nothing."""

    def on_processing_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Nothing."""

    def prepare_snapshot(self, checkpoint_id: int) -> None:
        """Nothing."""

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        """No state beside the keyed."""
        return EMPTY_SNAPSHOT

    def notify_complete(self, checkpoint_id: int) -> None:
        """Nothing."""

    def notify_aborted(self, checkpoint_id: int) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
