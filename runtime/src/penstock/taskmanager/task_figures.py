"""The figures of one task, by Flink's names: records, bytes, time shares, watermark, its operators' own, latency.

Owned by `taskmanager.task`, read once a second and at the task's end, in the task thread.
"""

from collections.abc import Sequence

from penstock.exchange.edge_writer import EdgeWriter
from penstock.taskmanager.chain import Chain
from penstock.taskmanager.intake import ChannelIntake, SourceIntake
from penstock.taskmanager.latency import LatencyTracking
from penstock.taskmanager.metrics import Rates, TimeShares


class TaskFigures:
    """What is counted for a task outside of its parts, and the way to read all of it."""

    def __init__(self, edges: Sequence[EdgeWriter], latency: LatencyTracking) -> None:
        self.times = TimeShares()
        self._rates = Rates()
        self._edges = edges
        self._latency = latency

    def collect(
        self, chain: Chain, channels: ChannelIntake | None, source: SourceIntake | None
    ) -> dict[str, float]:
        """All values now."""
        counts = {
            "numRecordsIn": float(channels.records_in if channels is not None else 0),
            "numRecordsOut": float(sum(edge.records_out for edge in self._edges)),
            "numBytesIn": float(channels.bytes_in if channels is not None else 0),
            "numBytesOut": float(sum(writer.bytes_out for edge in self._edges for writer in edge.writers)),
        }
        values = {
            **counts,
            **self._rates.of(counts.items()),
            **self.times.collect(),
            **chain.collect_metrics(),
            **self._latency.collect(),
        }
        if channels is not None:
            values["currentInputWatermark"] = float(channels.watermark)
        if source is not None:
            values |= source.collect_metrics()
        return values
