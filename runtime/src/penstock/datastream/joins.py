"""Joins of two streams: in windows, as co-groups of windows, and by intervals of event time.

PyFlink has none of them; these follow Flink's own API: `a.join(b).where(f).equal_to(g).window(w).apply(h)` and
`x.interval_join(y).between(lower, upper).process(h)`.
"""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, cast

from penstock.common.output_tag import OutputTag
from penstock.common.time import Time, span_ms
from penstock.common.typeinfo import TypeInformation
from penstock.datastream.connected_streams import ConnectedStreams
from penstock.datastream.data_stream import DataStream
from penstock.datastream.function_base import Function
from penstock.operators.co_group import CoGroupEmission, CoGroupFactory
from penstock.operators.interval_join import IntervalJoinFactory, JoinContext
from penstock.operators.window_content import Content, Emission
from penstock.windows.assigners import MergingWindowAssigner
from penstock.windows.evictors import Evictor
from penstock.windows.triggers import Trigger

if TYPE_CHECKING:
    from penstock.datastream.keyed_stream import KeyedStream


class JoinFunction(Function):
    """One result of a pair."""

    @abstractmethod
    def join(self, first: Any, second: Any) -> Any:
        """The result."""


class FlatJoinFunction(Function):
    """Any number of results of a pair."""

    @abstractmethod
    def flat_join(self, first: Any, second: Any) -> Iterable[Any]:
        """The results."""


class CoGroupFunction(Function):
    """Results of the records of a key and window, of both streams; either may be empty."""

    @abstractmethod
    def co_group(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        """The results."""


class ProcessJoinFunction(Function):
    """Results of a pair of an interval join."""

    Context = JoinContext

    @abstractmethod
    def process_element(self, left: Any, right: Any, ctx: JoinContext) -> Iterable[Any]:
        """The results; `tag, value` for a side output."""


class _Pairing:
    """Two streams of which the keys are still to be named."""

    _is_join = True

    def __init__(self, first: DataStream, second: DataStream) -> None:
        self._first, self._second = first, second

    def where(self, key_selector: Any) -> "_Where":
        """The key of the first stream's records."""
        return _Where(self, key_selector)


class JoinedStreams(_Pairing):
    """Pairs of records of the same key and window."""


class CoGroupedStreams(_Pairing):
    """All records of the same key and window together."""

    _is_join = False


class _Where:
    def __init__(self, pairing: _Pairing, key_selector: Any) -> None:
        self._pairing, self._key_selector = pairing, key_selector

    def equal_to(self, key_selector: Any) -> "_EqualTo":
        """The key of the second stream's records."""
        return _EqualTo(self._pairing, self._key_selector, key_selector)


class _EqualTo:
    def __init__(self, pairing: _Pairing, first_key: Any, second_key: Any) -> None:
        self._pairing, self._keys = pairing, (first_key, second_key)

    def window(self, window_assigner: Any) -> "WindowedPairs":
        """The windows in which they meet."""
        both = ConnectedStreams(self._pairing._first, self._pairing._second).key_by(*self._keys)
        return WindowedPairs(both, window_assigner, self._pairing._is_join)


class WindowedPairs:
    """Two streams by key and window."""

    def __init__(self, streams: ConnectedStreams, window_assigner: Any, is_join: bool) -> None:
        self._streams, self._assigner, self._is_join = streams, window_assigner, is_join
        self._trigger: Trigger | None = None
        self._evictor: Evictor | None = None
        self._lateness_ms = 0
        self._late_tag: str | None = None

    def trigger(self, trigger: Trigger) -> Self:
        """Use this trigger in place of the assigner's own."""
        if isinstance(self._assigner, MergingWindowAssigner) and not trigger.can_merge():
            raise TypeError(f"{type(trigger).__name__} cannot be used with windows that merge")
        self._trigger = trigger
        return self

    def evictor(self, evictor: Evictor) -> Self:
        """Take records out of a window; it sees pairs (side, record), side 0 or 1."""
        self._evictor = evictor
        return self

    def allowed_lateness(self, time: Time | int) -> Self:
        """Keep windows for that long after their end; late records give the results anew."""
        self._lateness_ms = span_ms(time)
        return self

    def side_output_late_data(self, output_tag: OutputTag) -> Self:
        """Send records of either stream that come later still to a side output."""
        self._late_tag = output_tag.tag_id
        return self

    def apply(self, function: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Call a JoinFunction, FlatJoinFunction or plain function of two for each pair; for a co-group a CoGroupFunction."""
        factory = CoGroupFactory(
            assigner=self._assigner,
            trigger=self._trigger or self._assigner.get_default_trigger(None),
            content=Content(),
            emission=cast(Emission, CoGroupEmission(function, self._is_join)),
            lateness_ms=self._lateness_ms,
            late_tag=self._late_tag,
            evictor=self._evictor,
        )
        kind = "Join" if self._is_join else "CoGroup"
        name = f"{kind}({type(self._assigner).__name__})"
        return self._streams._transform(name, factory, output_type)


class IntervalJoin:
    """Two keyed streams whose records meet when their times lie close enough."""

    def __init__(self, left: "KeyedStream", right: "KeyedStream") -> None:
        self._left, self._right = left, right

    def in_event_time(self) -> "IntervalJoin":
        """The only kind there is."""
        return self

    def in_processing_time(self) -> "IntervalJoin":
        """Refused, as by Flink."""
        raise ValueError("an interval join works in event time only: give records their time before it")

    def between(self, lower_bound: Time | int, upper_bound: Time | int) -> "IntervalJoined":
        """Right times lie from left + lower to left + upper, both included; either may be negative."""
        lower, upper = span_ms(lower_bound), span_ms(upper_bound)
        if lower > upper:
            raise ValueError(f"the lower bound {lower} ms is above the upper bound {upper} ms")
        return IntervalJoined(self._left, self._right, IntervalJoinFactory(None, lower, upper))


class IntervalJoined:
    """An interval join with its bounds."""

    def __init__(self, left: "KeyedStream", right: "KeyedStream", spec: IntervalJoinFactory) -> None:
        self._left, self._right, self._spec = left, right, spec
        self._opens = [False, False]

    def lower_bound_exclusive(self) -> Self:
        """A time right at the lower bound does not count."""
        self._opens[0] = True
        return self

    def upper_bound_exclusive(self) -> Self:
        """A time right at the upper bound does not count."""
        self._opens[1] = True
        return self

    def side_output_left_late_data(self, output_tag: OutputTag) -> Self:
        """Send late records of the left stream to a side output."""
        self._spec = replace(self._spec, late_tags=(output_tag.tag_id, self._spec.late_tags[1]))
        return self

    def side_output_right_late_data(self, output_tag: OutputTag) -> Self:
        """Send late records of the right stream to a side output."""
        self._spec = replace(self._spec, late_tags=(self._spec.late_tags[0], output_tag.tag_id))
        return self

    def process(self, process_join_function: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Call a ProcessJoinFunction, or a plain `(left, right) -> results`, for each pair."""
        lower, upper = self._spec.lower + self._opens[0], self._spec.upper - self._opens[1]
        spec = replace(self._spec, function=process_join_function, lower=lower, upper=upper)
        return ConnectedStreams(self._left, self._right)._transform("Interval Join", spec, output_type)
