"""Runs a connector's sink: writes, pre-commits at the barrier, commits once the checkpoint is complete.

What was restored is committed in `open`, before anything is written. Without checkpoints everything is
committed at the end of input. Never commits what was prepared for a checkpoint that is not complete.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.common.durations import parse_duration_ms
from penstock.connectors.contract import Sink, SinkContext
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import Batch, OperatorContext, OperatorSnapshot


@dataclass(frozen=True, slots=True)
class SinkFactory:
    """Makes a SinkOperator; travels to slots with the sink."""

    sink: Sink

    def __call__(self) -> "SinkOperator":
        """A new operator."""
        return SinkOperator(self.sink)


def has_checkpoints(configuration: Mapping[str, str]) -> bool:
    """Whether the job takes checkpoints by itself."""
    interval = configuration.get("execution.checkpointing.interval")
    return interval is not None and parse_duration_ms(interval) > 0


class SinkOperator(PassiveOperator):
    """One subtask of a sink."""

    def __init__(self, sink: Sink) -> None:
        self._writer = sink.create_writer()
        self._committer = sink.create_committer()
        self._prepared: dict[int, list[dict[str, Any]]] = {}

    def open(self, ctx: OperatorContext) -> None:
        """1. Commit what was restored. 2. Start the writer from its state."""
        self.ctx = ctx
        restored = ctx.restored
        sink_context = SinkContext(
            job_id=ctx.job_id,
            operator_id=ctx.operator_id,
            subtask_index=ctx.subtask_index,
            parallelism=ctx.parallelism,
            old_parallelism=restored.old_parallelism if restored is not None else ctx.parallelism,
            attempt=ctx.attempt,
            metrics=ctx.metrics,
            configuration=ctx.configuration,
        )
        if self._committer is not None:
            self._committer.open(sink_context)
            if restored is not None and restored.committables:
                self._committer.commit([dict(item) for item in restored.committables])
        states = list(restored.writer) if restored is not None else []
        self._writer.open(sink_context, states, restored.checkpoint_id if restored is not None else None)

    def process(self, batch: Batch, input_index: int) -> None:
        """Write."""
        self._writer.write(batch)

    def on_watermark(self, timestamp: int) -> None:
        """Nothing is downstream."""

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        """Pre-commit; the snapshot carries everything prepared and not yet committed."""
        if self._committer is None:
            self._writer.flush()
            return OperatorSnapshot(writer=self._writer.snapshot())
        self._prepared[checkpoint_id] = self._writer.prepare_commit(checkpoint_id)
        pending = [item for number in sorted(self._prepared) for item in self._prepared[number]]
        return OperatorSnapshot(writer=self._writer.snapshot(), committables=pending)

    def notify_complete(self, checkpoint_id: int) -> None:
        """Commit what was prepared for this checkpoint and those before it."""
        done = sorted(number for number in self._prepared if number <= checkpoint_id)
        items = [item for number in done for item in self._prepared[number]]
        if items and self._committer is not None:
            self._committer.commit(_unique(items))
        for number in done:
            del self._prepared[number]

    def finish(self) -> None:
        """All is written; without checkpoints to come, it is committed too."""
        self._writer.flush()
        if self._committer is not None and not has_checkpoints(self.ctx.configuration):
            last = (self.ctx.restored.checkpoint_id if self.ctx.restored is not None else 0) + 1
            items = [item for number in sorted(self._prepared) for item in self._prepared[number]]
            self._prepared.clear()
            self._committer.commit(_unique(items + self._writer.prepare_commit(last)))

    def close(self) -> None:
        """Close writer and committer."""
        self._writer.close()
        if self._committer is not None:
            self._committer.close()


def _unique(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())
