"""Gathers what a function yields, main output and side outputs apart, and hands it on in batches."""

from collections.abc import Iterable
from typing import Any

from penstock.common.output_tag import OutputTag
from penstock.operators.contract import MIN_TIMESTAMP, Batch, Output


class Collector:
    """One a process call: `take` the results of each record, then `flush`."""

    __slots__ = ("_has_time", "_side", "_times", "_values")

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._times: list[int] = []
        self._has_time = False
        self._side: dict[str, tuple[list[Any], list[int]]] = {}

    def take(self, results: Iterable[Any] | None, timestamp: int) -> None:
        """What a function yielded for one record; `(tag, value)` goes to the side output."""
        if results is None:
            return
        if timestamp != MIN_TIMESTAMP:
            self._has_time = True
        values, times = self._values, self._times
        for result in results:  # the hot path of process functions: no calls but the two appends
            if type(result) is tuple and len(result) == 2 and isinstance(result[0], OutputTag):
                self.take_side(result[0].tag_id, result[1], timestamp)
            else:
                values.append(result)
                times.append(timestamp)

    def take_side(self, tag: str, value: Any, timestamp: int) -> None:
        """One record of a side output."""
        values, times = self._side.setdefault(tag, ([], []))
        values.append(value)
        times.append(timestamp)

    def flush(self, output: Output) -> None:
        """Hand on what was gathered."""
        if self._values:
            values, times = self._values, self._times
            self._values, self._times = [], []
            output.emit(Batch(values, times if self._has_time else None))
        if self._side:
            side, self._side = self._side, {}
            for tag, (values, times) in side.items():
                output.emit_side(tag, Batch(values, times))
