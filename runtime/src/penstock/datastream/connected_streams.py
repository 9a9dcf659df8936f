"""Two streams side by side, and a stream beside a broadcast stream."""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from penstock.common.state_descriptors import MapStateDescriptor
from penstock.common.typeinfo import TypeInformation
from penstock.datastream.arguments import check_object
from penstock.datastream.data_stream import DataStream
from penstock.datastream.keyed_stream import KeyedStream, mark_keyed
from penstock.graph.streamgraph import Upstream
from penstock.operators.broadcast import BroadcastFactory
from penstock.operators.co_map import CoMapFactory
from penstock.operators.process import ProcessFactory


class ConnectedStreams:
    """Two streams whose records one function handles."""

    def __init__(self, stream1: DataStream, stream2: DataStream) -> None:
        self.stream1 = stream1
        self.stream2 = stream2

    def key_by(
        self, key_selector1: Any, key_selector2: Any, key_type: TypeInformation | None = None
    ) -> "ConnectedStreams":
        """Both by key: equal keys of both meet in the same subtask."""
        first, second = (
            self.stream1.key_by(key_selector1, key_type),
            self.stream2.key_by(key_selector2, key_type),
        )
        return ConnectedStreams(first, second)

    def map(self, func: Any, output_type: TypeInformation | None = None) -> DataStream:
        """One result a record."""
        check_object("map", func, "map1", "map2")
        return self._transform("Co-Map", CoMapFactory(func, is_flat=False), output_type)

    def flat_map(self, func: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Any number of results a record."""
        check_object("flat_map", func, "flat_map1", "flat_map2")
        return self._transform("Co-Flat Map", CoMapFactory(func, is_flat=True), output_type)

    def process(self, func: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Any results, with time and side outputs; on keyed streams with state and timers."""
        methods = ("process_element1", "process_element2")
        check_object("process", func, *methods)
        return self._transform("Co-Process", ProcessFactory(func, methods), output_type)

    def _transform(
        self, name: str, make: Callable[[], Any], output_type: TypeInformation | None
    ) -> DataStream:
        first, second = self.stream1, self.stream2
        node = first._environment._graph.add(name, make, _two_inputs(first, second))
        if isinstance(first, KeyedStream) and isinstance(second, KeyedStream):
            mark_keyed(node, first._key_selector, second._key_selector)
        node.declared = output_type
        return DataStream(first._environment, node, None, output_type)


class BroadcastStream:
    """A stream every record of which reaches every subtask, and the states that it fills."""

    def __init__(self, stream: DataStream, descriptors: Sequence[MapStateDescriptor]) -> None:
        self.stream = stream
        self.descriptors = tuple(descriptors)


class BroadcastConnectedStream:
    """A stream beside a broadcast stream."""

    def __init__(self, stream: DataStream, broadcast: BroadcastStream) -> None:
        self._stream = stream
        self._broadcast = broadcast

    def process(self, func: Any, output_type: TypeInformation | None = None) -> DataStream:
        """Handle both with a BroadcastProcessFunction, or a keyed one on a keyed stream."""
        check_object("process", func, "process_element", "process_broadcast_element")
        names = tuple(descriptor.name for descriptor in self._broadcast.descriptors)
        environment = self._stream._environment
        node = environment._graph.add(
            "Co-Process-Broadcast",
            BroadcastFactory(func, names),
            _two_inputs(self._stream, self._broadcast.stream),
        )
        node.is_stateful = True
        node.declared = output_type
        if isinstance(self._stream, KeyedStream):
            mark_keyed(node, self._stream._key_selector)
        return DataStream(environment, node, None, output_type)


def _two_inputs(first: DataStream, second: DataStream) -> list[Upstream]:
    return [replace(up, input_index=0) for up in first._upstreams] + [
        replace(up, input_index=1) for up in second._upstreams
    ]
