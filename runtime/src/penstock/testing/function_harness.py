"""Harnesses for one function: what it gives for which records, timers and watermarks. Each is a StreamHarness of one operator."""

from collections.abc import Callable, Sequence
from typing import Any

from penstock.common.state_descriptors import MapStateDescriptor
from penstock.datastream.connected_streams import BroadcastStream
from penstock.datastream.data_stream import DataStream
from penstock.testing.stream_harness import StreamHarness

_KINDS = (
    ("process_element", "process"),
    ("async_invoke", ""),
    ("flat_map", "flat_map"),
    ("filter", "filter"),
    ("map", "map"),
    ("reduce", "reduce"),
)


def _apply(stream: DataStream, function: Any) -> DataStream:
    """The stream method that takes a function of this kind; a plain callable is a map."""
    for method, call in _KINDS:
        if hasattr(function, method) and call:
            result: DataStream = getattr(stream, call)(function)
            return result
    if callable(function):
        return stream.map(function)
    raise TypeError(
        f"{type(function).__name__} is no map, flat_map, filter, reduce or process function: "
        "use StreamHarness with the calls of your program"
    )


class OneInputHarness(StreamHarness):
    """A map, flat_map, filter or process function."""

    def __init__(self, function: Any, **options: Any) -> None:
        super().__init__(lambda stream: _apply(stream, function), **options)


class KeyedHarness(StreamHarness):
    """A function on a keyed stream: a KeyedProcessFunction, a reduce."""

    def __init__(self, function: Any, key_selector: Any, **options: Any) -> None:
        super().__init__(lambda stream: _apply(stream.key_by(key_selector), function), **options)


class _TwoInputs(StreamHarness):
    def process_element1(self, value: Any, timestamp: int | None = None) -> None:
        """A record of the first input."""
        self.process_element(value, timestamp, 0)

    def process_element2(self, value: Any, timestamp: int | None = None) -> None:
        """A record of the second input."""
        self.process_element(value, timestamp, 1)

    def process_watermark1(self, timestamp: int) -> None:
        """Event time of the first input."""
        self.process_watermark(timestamp, 0)

    def process_watermark2(self, timestamp: int) -> None:
        """Event time of the second input."""
        self.process_watermark(timestamp, 1)


class TwoInputHarness(_TwoInputs):
    """A CoMap, CoFlatMap or CoProcess function; with key selectors a keyed one."""

    def __init__(
        self,
        function: Any,
        key_selector1: Callable[[Any], Any] | None = None,
        key_selector2: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        def build(first: DataStream, second: DataStream) -> DataStream:
            streams: Any = first.connect(second)
            if key_selector1 is not None:
                streams = streams.key_by(key_selector1, key_selector2 or key_selector1)
            if hasattr(function, "process_element1"):
                result: DataStream = streams.process(function)
            else:
                result = streams.map(function) if hasattr(function, "map1") else streams.flat_map(function)
            return result

        super().__init__(build, **options)


class BroadcastHarness(_TwoInputs):
    """A (Keyed)BroadcastProcessFunction: the second input is the broadcast."""

    def __init__(
        self,
        function: Any,
        descriptors: Sequence[MapStateDescriptor],
        key_selector: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        def build(first: DataStream, second: DataStream) -> DataStream:
            stream = first if key_selector is None else first.key_by(key_selector)
            joined: Any = stream.connect(BroadcastStream(second, descriptors))
            result: DataStream = joined.process(function)
            return result

        super().__init__(build, **options)

    def process_broadcast_element(self, value: Any, timestamp: int | None = None) -> None:
        """A record of the broadcast."""
        self.process_element(value, timestamp, 1)
