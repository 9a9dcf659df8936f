"""A source that follows a script: records, watermarks, pauses, a failure, an end. For tests of whole jobs, restarts included.

source = ScriptedSource([("a", 1), At(("b", 2), 1000), Watermark(1500), Pause(checkpoints=1), Abort(), ("a", 3)])
stream = env.from_source(source, source.watermarks, "script")
"""

import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.connectors.contract import ReaderContext, SourceBatch, Split
from penstock.connectors.definition import SourceDefinition
from penstock.datastream.connectors.base import Source
from penstock.graph.jobgraph import Boundedness
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch


@dataclass(frozen=True, slots=True)
class At:
    """A record with its event time."""

    value: Any
    timestamp: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """Event time has reached that."""

    timestamp: int


@dataclass(frozen=True, slots=True)
class Pause:
    """No records for a time: until so many seconds have passed, checkpoints have completed, or a file is there. All that are given count."""

    seconds: float = 0.0
    checkpoints: int = 0
    until_file: str | None = None


@dataclass(frozen=True, slots=True)
class Abort:
    """The source fails here, once: the job restarts if its strategy says so, and the next attempt passes by."""

    message: str = "the script says so"


@dataclass(frozen=True, slots=True)
class End:
    """The source ends here; a job that is started from a savepoint of this one goes on behind it."""


class ScriptedFailure(RuntimeError):
    """What an Abort raises."""


class ScriptedSource(Source):
    """The script, read by one subtask. `folder` remembers across restarts which Aborts have happened."""

    def __init__(self, script: Sequence[Any], folder: str | Path | None = None) -> None:
        place = Path(folder) if folder is not None else Path(tempfile.gettempdir())
        marker = str(place / f"penstock-script-{uuid.uuid4().hex}")
        super().__init__(
            SourceDefinition(
                "collection",
                {"size": len(script)},
                Boundedness.BOUNDED,
                _ScriptReaderFactory(tuple(script), marker),
            )
        )

    @property
    def watermarks(self) -> WatermarkStrategy:
        """The strategy that gives the script's watermarks and no others."""
        return ScriptedWatermarks()


@dataclass(frozen=True)
class ScriptedWatermarks(WatermarkStrategy):
    """Event time as the script says."""

    def create_operator(self) -> "MarksOperator":
        """What turns marks among the records into watermarks."""
        return MarksOperator()


class MarksOperator(PassiveOperator):
    """Takes the script's watermarks out of the records; the reader puts one at the end of a batch only."""

    def process(self, batch: Batch, input_index: int) -> None:
        """Records, then maybe a watermark."""
        if isinstance(batch.values[-1], Watermark):
            times = batch.timestamps[:-1] if batch.timestamps is not None else None
            self.ctx.output.emit(Batch(batch.values[:-1], times))
            self.ctx.output.emit_watermark(batch.values[-1].timestamp)
        else:
            self.ctx.output.emit(batch)

    def on_watermark(self, timestamp: int) -> None:
        """Only the last one comes from outside."""
        if timestamp == MAX_WATERMARK:
            self.ctx.output.emit_watermark(timestamp)


@dataclass(frozen=True, slots=True)
class _ScriptReaderFactory:
    script: tuple[Any, ...]
    marker: str

    def __call__(self) -> "ScriptReader":
        return ScriptReader(self.script, Path(self.marker))


class ScriptReader:
    """Reads a script from a position; the position counts its entries."""

    def __init__(self, script: tuple[Any, ...], marker: Path) -> None:
        self._script = script
        self._marker = marker
        self._split: Split | None = None
        self._is_complete = False
        self._has_ended = False
        self._pause_ends: float | None = None
        self._completed = 0

    def open(self, ctx: ReaderContext) -> None:
        """Nothing to prepare."""

    def add_splits(self, splits: Sequence[Split]) -> None:
        """There is one."""
        for split in splits:
            self._split = dict(split)

    def no_more_splits(self) -> None:
        """The one is all."""
        self._is_complete = True

    def poll(self, max_records: int) -> SourceBatch | None:
        """Records up to the next mark."""
        values: list[Any] = []
        times: list[int] = []
        while self._split is not None and len(values) < max_records and not self._is_at_end():
            entry = self._script[self._split["position"]]
            if isinstance(entry, (Pause, Abort, End)):
                if values or not self._passes(entry):
                    break
                self._split["position"] += 1
                continue
            self._split["position"] += 1
            values.append(entry.value if isinstance(entry, At) else entry)
            times.append(entry.timestamp if isinstance(entry, At) else MIN_TIMESTAMP)
            if isinstance(entry, Watermark):
                break
        if not values or self._split is None:
            return None
        has_time = any(timestamp != MIN_TIMESTAMP for timestamp in times)
        return SourceBatch(self._split["id"], Batch(values, times if has_time else None))

    def _is_at_end(self) -> bool:
        return self._split is None or self._has_ended or self._split["position"] >= len(self._script)

    def _passes(self, mark: Pause | Abort | End) -> bool:
        assert self._split is not None  # noqa: S101 - asked by poll
        if isinstance(mark, End):
            self._has_ended = True
            return True
        if isinstance(mark, Abort):
            self._abort(mark, self._split["position"])
            return True
        now = time.monotonic()
        if self._pause_ends is None:
            self._pause_ends = now + mark.seconds
            self._completed = 0
        is_over = now >= self._pause_ends and self._completed >= mark.checkpoints
        if mark.until_file is not None:
            is_over = is_over and Path(mark.until_file).exists()
        if is_over:
            self._pause_ends = None
        return is_over

    def _abort(self, mark: Abort, position: int) -> None:
        marker = self._marker.with_name(f"{self._marker.name}-{position}")
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return
        raise ScriptedFailure(mark.message)

    def wants_splits(self) -> bool:
        """Until it has the one."""
        return self._split is None and not self._is_complete

    def is_finished(self) -> bool:
        """At the end, or at an End."""
        return self._is_at_end() and (self._split is not None or self._is_complete)

    def split_ids(self) -> set[str]:
        """The one, to the end."""
        return {str(self._split["id"])} if self._split is not None else set()

    def snapshot(self) -> list[Split]:
        """The one, also at its end: a job may go on behind an End."""
        return [dict(self._split)] if self._split is not None else []

    def notify_complete(self, checkpoint_id: int) -> None:
        """A pause may wait for it."""
        self._completed += 1

    def close(self) -> None:
        """Nothing to release."""
