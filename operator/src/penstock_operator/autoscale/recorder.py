"""The recording of one job while it is made. Called by `reconcile/autoscaling.py`, by one thread at a time. Pure.

What is older than the duration, or beyond the bytes, goes from its beginning. Samples are packed in spans as they come,
so that a job costs the operator some ten thousand bytes and not its samples' objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.recording import SPAN, Act, Recording, Span, followed, lag_of, remembered
from penstock_operator.autoscale.recording_codec import LIMIT, Head, pack_head, pack_span, unpack
from penstock_operator.autoscale.signals import Graph, Sample


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A span that gets no more samples."""

    until: float
    packed: bytes


class Recorder:
    """Adds samples and decisions; `packed` is all of it as bytes."""

    def __init__(self, packed: bytes | None = None, limit: int = LIMIT) -> None:
        """`packed` is what an earlier recorder left; what cannot be read of it is left out."""
        self._limit = limit
        self._sealed: list[_Sealed] = []
        self._open: Span | None = None
        self._head = Head()
        if packed:
            try:
                self._resume(unpack(packed))
            except ValueError:  # what was recorded is lost; the job is not concerned
                return

    def _resume(self, earlier: Recording) -> None:
        self._head = Head(
            keys=dict(earlier.keys),
            room=earlier.room,
            in_place=earlier.in_place,
            pauses=earlier.pauses,
            acts=earlier.acts,
        )
        self._sealed = [
            _Sealed(span.samples[-1].at, pack_span(span)) for span in earlier.spans if span.samples
        ]

    @property
    def lag(self) -> float:
        """Records that waited at the last sample."""
        return lag_of(self._open.samples[-1]) if self._open is not None else 0.0

    def sample(self, graph: Graph, sample: Sample, seconds: float) -> bool:
        """Add a sample; older than `seconds` goes. Says whether the graph is another than before."""
        is_new = self._open is None or self._open.graph != graph
        if self._open is not None and (is_new or len(self._open.samples) >= SPAN):
            self._seal()
        before = self._open.samples if self._open is not None else ()
        if not before or before[-1].at < sample.at:
            self._open = Span(graph, (*before, sample))
        self._head = self._head.model_copy(update={"acts": followed(self._head.acts, graph, sample)})
        self._sealed = [one for one in self._sealed if one.until >= sample.at - seconds]
        return is_new

    def circumstances(
        self, keys: Mapping[str, str], room: Room, pauses: tuple[float, ...], *, in_place: bool
    ) -> None:
        """What holds beside the samples, as of now."""
        self._head = self._head.model_copy(
            update={"keys": dict(keys), "room": room, "pauses": pauses, "in_place": in_place}
        )

    def act(self, act: Act | None) -> None:
        """Add a decision; None is none."""
        if act is not None:
            known = replace(act, lag=self.lag)
            self._head = self._head.model_copy(update={"acts": remembered(self._head.acts, known)})

    def packed(self) -> bytes:
        """All of it; the oldest spans are left out where it would not fit."""
        head = pack_head(self._head)
        last = [pack_span(self._open)] if self._open is not None else []
        left = self._limit - len(head) - sum(map(len, last))
        while self._sealed and sum(len(one.packed) for one in self._sealed) > left:
            self._sealed.pop(0)
        return b"".join([head, *(one.packed for one in self._sealed), *last])

    def _seal(self) -> None:
        if self._open is not None:
            self._sealed.append(_Sealed(self._open.samples[-1].at, pack_span(self._open)))
            self._open = None
