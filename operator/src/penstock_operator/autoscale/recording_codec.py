"""A recording as bytes and back: gzip members, one JSON line each; the first is the head, the others are spans. Pure.

Counters are kept as differences and shares in thousandths, so that a sample of a vertex takes about ten bytes. A member
that cannot be read is left out: a recording never stops anybody.
"""

import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.recording import Act, Recording, Span
from penstock_operator.autoscale.signals import Graph, MemorySample, Sample, VertexSample

FORMAT = 1
LIMIT = 600_000
"""Bytes of a recording: with its base64 form it fits into a ConfigMap (1 MiB)."""


class Head(BaseModel):
    """What is known beside the samples."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    keys: dict[str, str] = Field(default_factory=dict)
    room: Room = Field(default_factory=Room)
    in_place: bool = True
    pauses: tuple[float, ...] = ()
    acts: tuple[Act, ...] = ()


class Columns(BaseModel):
    """A vertex's samples."""

    records_in: list[int]
    records_out: list[int]
    busy: list[int | None]
    backpressured: list[int | None]
    lag: list[int] | None = None


class Piece(BaseModel):
    """A span."""

    graph: Graph
    at: list[int]
    """Tenths of a second, as differences."""
    vertices: dict[str, Columns]
    heap: list[int] = Field(default_factory=list)
    gc: list[int] = Field(default_factory=list)

    @classmethod
    def of(cls, span: Span) -> Self:
        """The span in columns."""
        samples = span.samples
        vertices = {
            vertex.id: _columns([sample.vertices[vertex.id] for sample in samples])
            for vertex in span.graph.vertices
        }
        return cls(
            graph=span.graph,
            at=_differences([sample.at * 10 for sample in samples]),
            vertices=vertices,
            heap=[round(sample.memory.heap_used * 1000) for sample in samples],
            gc=[round(sample.memory.gc * 1000) for sample in samples],
        )

    def span(self) -> Span:
        """The samples."""
        times = [at / 10 for at in accumulate(self.at)]
        columns = {key: list(_samples(found, len(times))) for key, found in self.vertices.items()}
        memory = [MemorySample(a / 1000, b / 1000) for a, b in zip(self.heap, self.gc, strict=True)]
        samples = tuple(
            Sample(at, {key: column[turn] for key, column in columns.items()}, memory[turn])
            for turn, at in enumerate(times)
        )
        return Span(self.graph, samples)


def pack_head(head: Head) -> bytes:
    """The first member."""
    return _member(head.model_dump_json())


def pack_span(span: Span) -> bytes:
    """A member."""
    return _member(Piece.of(span).model_dump_json(exclude_none=True))


def unpack(packed: bytes) -> Recording:
    """The recording in these bytes; raises ValueError where they are none."""
    lines = list(_lines(packed))
    if not lines:
        raise ValueError("no recording of the autoscaler: it does not begin as one")
    try:
        head = Head.model_validate_json(lines[0])
    except ValidationError as error:
        raise ValueError(f"no recording of the autoscaler: {error.errors()[0]['msg']}") from error
    if head.format != FORMAT:
        raise ValueError(f"a recording of format {head.format}; this version reads format {FORMAT}")
    spans = tuple(span for line in lines[1:] if (span := _piece(line)) is not None)
    return Recording(spans, head.acts, head.keys, head.room, head.in_place, head.pauses)


def pack(recording: Recording) -> bytes:
    """A whole recording, for a file."""
    head = Head(
        keys=dict(recording.keys),
        room=recording.room,
        in_place=recording.in_place,
        pauses=recording.pauses,
        acts=recording.acts,
    )
    return b"".join([pack_head(head), *(pack_span(span) for span in recording.spans)])


def _piece(line: str) -> Span | None:
    try:
        return Piece.model_validate_json(line).span()
    except (ValidationError, ValueError, IndexError):
        return None


def _member(text: str) -> bytes:
    return gzip.compress(text.encode() + b"\n", 9, mtime=0)


def _lines(packed: bytes) -> Iterator[str]:
    """The lines, as far as they can be read: a member that was cut off ends them."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            for line in file:
                yield line.decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return


def _columns(samples: Sequence[VertexSample]) -> Columns:
    has_lag = any(one.lag is not None for one in samples)
    return Columns(
        records_in=_differences([one.records_in for one in samples]),
        records_out=_differences([one.records_out for one in samples]),
        busy=[_thousandths(one.busy) for one in samples],
        backpressured=[_thousandths(one.backpressured) for one in samples],
        lag=_differences([one.lag or 0.0 for one in samples]) if has_lag else None,
    )


def _samples(columns: Columns, count: int) -> Iterator[VertexSample]:
    lags: list[int] | list[None] = (
        list(accumulate(columns.lag)) if columns.lag is not None else [None] * count
    )
    rows = zip(
        accumulate(columns.records_in),
        accumulate(columns.records_out),
        columns.busy,
        columns.backpressured,
        lags,
        strict=True,
    )
    for read, written, busy, pressed, lag in rows:
        waits = float(lag) if lag is not None else None
        yield VertexSample(float(read), float(written), _share(busy), _share(pressed), waits)


def _differences(values: Sequence[float]) -> list[int]:
    whole = [round(value) for value in values]
    return [*whole[:1], *(after - before for before, after in pairwise(whole))]


def _thousandths(value: float) -> int | None:
    return round(value * 1000) if math.isfinite(value) else None


def _share(value: int | None) -> float:
    return math.nan if value is None else value / 1000
