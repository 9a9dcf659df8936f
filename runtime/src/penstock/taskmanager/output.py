"""Where an operator's results go: the operators chained to it and the edges that leave the task. Wired by `taskmanager.chain`."""

from typing import Protocol

from penstock.common.conversion import Conversion
from penstock.exchange.edge_writer import EdgeWriter
from penstock.exchange.elements import Idleness, Watermark
from penstock.operators.contract import MIN_TIMESTAMP, Batch


class Chained(Protocol):
    """An operator as the one before it in the chain sees it."""

    def process(self, batch: Batch) -> None:
        """Handle records."""

    def process_split(self, split_id: str, batch: Batch) -> None:
        """Handle records of a source's split."""

    def advance(self, timestamp: int) -> None:
        """Event time of its input moved."""

    def set_idle(self, is_idle: bool) -> None:
        """Its input became idle, or active."""


class ChainOutput:
    """The output of one operator: main and side outputs, each to chained operators and to edges."""

    __slots__ = (
        "_all_chained",
        "_all_edges",
        "_chained",
        "_conversion",
        "_edges",
        "_side",
        "_side_conversions",
        "_watermark",
        "is_idle",
        "records_out",
    )

    def __init__(self) -> None:
        self._chained: list[Chained] = []
        self._edges: list[EdgeWriter] = []
        self._side: dict[str, tuple[list[Chained], list[EdgeWriter]]] = {}
        self._all_chained: list[Chained] = []
        self._all_edges: list[EdgeWriter] = []
        self._conversion: Conversion | None = None
        self._side_conversions: dict[str, Conversion] = {}
        self._watermark = MIN_TIMESTAMP
        self.is_idle = False
        self.records_out = 0

    def chain(self, tag: str | None, chained: Chained) -> None:
        """Feed a chained operator from the main (None) or a side output."""
        (self._chained if tag is None else self._of_side(tag)[0]).append(chained)
        self._all_chained.append(chained)

    def connect(self, tag: str | None, edge: EdgeWriter) -> None:
        """Feed an edge from the main (None) or a side output."""
        (self._edges if tag is None else self._of_side(tag)[1]).append(edge)
        self._all_edges.append(edge)

    @property
    def watermark(self) -> int:
        """The last watermark that was passed on."""
        return self._watermark

    def declare(self, tag: str | None, conversion: Conversion) -> None:
        """Give the records of the main (None) or a side output their declared shape."""
        if tag is None:
            self._conversion = conversion
        else:
            self._side_conversions[tag] = conversion

    def shaped(self, batch: Batch) -> Batch:
        """The records of the main output in their declared shape."""
        return batch if self._conversion is None else _shaped(batch, self._conversion)

    def emit(self, batch: Batch) -> None:
        """Pass records on."""
        count = len(batch.values)
        if count:
            if self._conversion is not None:
                batch = _shaped(batch, self._conversion)
            self.records_out += count
            for chained in self._chained:
                chained.process(batch)
            for edge in self._edges:
                edge.emit(batch)

    def emit_split(self, split_id: str, batch: Batch) -> None:
        """Pass a source's records on, with their split."""
        count = len(batch.values)
        if count:
            self.records_out += count
            for chained in self._chained:
                chained.process_split(split_id, batch)
            for edge in self._edges:
                edge.emit(batch)

    def emit_side(self, tag: str, batch: Batch) -> None:
        """Pass records to a side output, if anybody reads it."""
        side = self._side.get(tag)
        count = len(batch.values)
        if side is None or not count:
            return
        conversion = self._side_conversions.get(tag)
        if conversion is not None:
            batch = _shaped(batch, conversion)
        self.records_out += count
        for chained in side[0]:
            chained.process(batch)
        for edge in side[1]:
            edge.emit(batch)

    def emit_watermark(self, timestamp: int) -> None:
        """Pass event time on to all outputs, if it moved."""
        if timestamp <= self._watermark:
            return
        self._watermark = timestamp
        for chained in self._all_chained:
            chained.advance(timestamp)
        for edge in self._all_edges:
            edge.send(Watermark(timestamp))

    def emit_idle(self, is_idle: bool) -> None:
        """Pass idleness on to all outputs, if it changed."""
        if is_idle == self.is_idle:
            return
        self.is_idle = is_idle
        for chained in self._all_chained:
            chained.set_idle(is_idle)
        for edge in self._all_edges:
            edge.send(Idleness(is_idle))

    def _of_side(self, tag: str) -> tuple[list[Chained], list[EdgeWriter]]:
        return self._side.setdefault(tag, ([], []))


def _shaped(batch: Batch, conversion: Conversion) -> Batch:
    values = conversion.all_of(batch.values)
    return batch if values is batch.values else Batch(values, batch.timestamps)
