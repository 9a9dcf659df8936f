"""Streams as programs see them: every call adds a node to the stream graph of the environment. Nothing runs here."""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.common.output_tag import OutputTag
from penstock.common.state_descriptors import MapStateDescriptor
from penstock.common.typeinfo import PickledBytesTypeInfo, TupleTypeInfo, TypeInformation, Types
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.datastream.arguments import check_function, check_object, check_stream, check_type
from penstock.datastream.key_selectors import caller_of, selector_of
from penstock.datastream.stream_settings import StreamSettings
from penstock.graph.jobgraph import Partitioner
from penstock.graph.streamgraph import StreamNode, Upstream
from penstock.operators.fused import FusedFactory, Step, StepKind
from penstock.operators.print import PrintFactory
from penstock.operators.process import ProcessFactory
from penstock.operators.sink import SinkFactory
from penstock.operators.watermarks import WatermarksFactory

if TYPE_CHECKING:
    from penstock.common.execution_config import ExecutionConfig
    from penstock.datastream.cached_stream import CachedDataStream as CachedDataStream
    from penstock.datastream.collect import CloseableIterator as CloseableIterator
    from penstock.datastream.connected_streams import BroadcastConnectedStream as BroadcastConnectedStream
    from penstock.datastream.connected_streams import BroadcastStream as BroadcastStream
    from penstock.datastream.connected_streams import ConnectedStreams as ConnectedStreams
    from penstock.datastream.connectors.base import Sink
    from penstock.datastream.joins import CoGroupedStreams, JoinedStreams
    from penstock.datastream.keyed_stream import KeyedStream as KeyedStream
    from penstock.datastream.stream_execution_environment import StreamExecutionEnvironment
    from penstock.datastream.windowed_stream import AllWindowedStream as AllWindowedStream
    from penstock.datastream.windowed_stream import WindowedStream as WindowedStream

_ELSEWHERE = {
    "AllWindowedStream": "windowed_stream",
    "BroadcastConnectedStream": "connected_streams",
    "BroadcastStream": "connected_streams",
    "CachedDataStream": "cached_stream",
    "CloseableIterator": "collect",
    "ConnectedStreams": "connected_streams",
    "KeyedStream": "keyed_stream",
    "WindowedStream": "windowed_stream",
}
"""Classes that PyFlink has in this module, each in a file of its own."""


def __getattr__(name: str) -> Any:
    """The other kinds of streams, where PyFlink has them."""
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f"penstock.datastream.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class DataStreamSink(StreamSettings):
    """The end of a stream."""


class DataStream(StreamSettings):
    """A stream of records."""

    def __init__(
        self,
        environment: "StreamExecutionEnvironment",
        node: StreamNode,
        upstreams: tuple[Upstream, ...] | None = None,
        type_info: TypeInformation | None = None,
    ) -> None:
        check_type(type_info)
        super().__init__(node)
        self._environment = environment
        self._upstreams = upstreams if upstreams is not None else (Upstream(node.id),)
        self._type = type_info or Types.PICKLED_BYTE_ARRAY()

    def get_execution_environment(self) -> "StreamExecutionEnvironment":
        """The environment that the stream belongs to."""
        return self._environment

    def get_execution_config(self) -> "ExecutionConfig":
        """The execution settings of the environment."""
        return self._environment.get_config()

    def get_type(self) -> TypeInformation:
        """The declared type of the records."""
        return self._type

    # ------------------------------------------------------------------------------------------ record by record

    def map(self, func: Any, output_type: TypeInformation | None = None) -> "DataStream":
        """One result a record."""
        return self._step("Map", Step(StepKind.MAP, func), output_type)

    def flat_map(self, func: Any, output_type: TypeInformation | None = None) -> "DataStream":
        """Any number of results a record."""
        return self._step("FlatMap", Step(StepKind.FLAT_MAP, func), output_type)

    def filter(self, func: Any) -> "DataStream":
        """Only the records for which the function is true."""
        return self._step("Filter", Step(StepKind.FILTER, func), self._type)

    def project(self, *field_indexes: int) -> "DataStream":
        """Only these fields of a tuple."""
        kind = None
        if isinstance(self._type, TupleTypeInfo):
            kind = Types.TUPLE([self._type.field_types[index] for index in field_indexes])
        return self._step("Projection", Step(StepKind.MAP, _Project(field_indexes)), kind)

    def process(self, func: Any, output_type: TypeInformation | None = None) -> "DataStream":
        """Any results, with time and side outputs."""
        check_object("process", func, "process_element")
        return self._transform("Process", ProcessFactory(func), output_type)

    def assign_timestamps_and_watermarks(self, watermark_strategy: WatermarkStrategy) -> "DataStream":
        """Give records their event time and the stream its watermarks."""
        stream = self._transform(
            "Timestamps/Watermarks", WatermarksFactory(watermark_strategy, is_source=False), self._type
        )
        stream._node.is_function = False
        return stream

    def get_side_output(self, output_tag: OutputTag) -> "DataStream":
        """A side output of the operator that made this stream."""
        if not isinstance(output_tag, OutputTag):
            raise TypeError(f"get_side_output() takes an OutputTag, not {output_tag!r}")
        upstream = Upstream(self._node.id, side_output=output_tag.tag_id)
        if output_tag.type_info is not None:
            self._node.declared_sides[output_tag.tag_id] = output_tag.type_info
        return DataStream(self._environment, self._node, (upstream,), output_tag.type_info)

    # ----------------------------------------------------------------------------------------- several streams

    def union(self, *streams: "DataStream") -> "DataStream":
        """All records of all streams, which may include this one again."""
        for stream in streams:
            check_stream("union", stream, DataStream)
        upstreams = self._upstreams + tuple(up for stream in streams for up in stream._upstreams)
        return DataStream(self._environment, self._node, upstreams, self._type)

    def connect(self, ds: Any) -> "ConnectedStreams | BroadcastConnectedStream":
        """This stream beside another, or beside a broadcast stream."""
        from penstock.datastream.connected_streams import (
            BroadcastConnectedStream,
            BroadcastStream,
            ConnectedStreams,
        )

        if isinstance(ds, BroadcastStream):
            return BroadcastConnectedStream(self, ds)
        check_stream("connect", ds, DataStream)
        return ConnectedStreams(self, ds)

    def join(self, other: "DataStream") -> "JoinedStreams":
        """Pairs with another stream: `.where(key).equal_to(key).window(assigner).apply(function)`."""
        from penstock.datastream.joins import JoinedStreams

        return JoinedStreams(self, other)

    def co_group(self, other: "DataStream") -> "CoGroupedStreams":
        """Windows with the records of both streams: `.where(key).equal_to(key).window(assigner).apply(function)`."""
        from penstock.datastream.joins import CoGroupedStreams

        return CoGroupedStreams(self, other)

    # --------------------------------------------------------------------------------------------- partitioning

    def key_by(self, key_selector: Any, key_type: TypeInformation | None = None) -> "KeyedStream":
        """The stream by key: equal keys go to the same subtask."""
        from penstock.datastream.keyed_stream import KeyedStream

        check_function("key_by", key_selector, "get_key")
        check_type(key_type)
        return KeyedStream(self, selector_of(key_selector, key_type))

    def rebalance(self) -> "DataStream":
        """Records in turn to every subtask."""
        return self._partitioned(Partitioner.REBALANCE)

    def rescale(self) -> "DataStream":
        """Records in turn to a share of the subtasks."""
        return self._partitioned(Partitioner.RESCALE)

    def shuffle(self) -> "DataStream":
        """Records to subtasks at random."""
        return self._partitioned(Partitioner.SHUFFLE)

    def forward(self) -> "DataStream":
        """Records to the subtask of the same number."""
        return self._partitioned(Partitioner.FORWARD)

    def global_(self) -> "DataStream":
        """All records to the first subtask (Flink's `global`, a word that Python keeps for itself)."""
        return self._partitioned(Partitioner.GLOBAL)

    def broadcast(
        self,
        broadcast_state_descriptor: MapStateDescriptor | None = None,
        *other_broadcast_state_descriptors: MapStateDescriptor,
    ) -> "DataStream | BroadcastStream":
        """Every record to every subtask; with descriptors, a stream that carries broadcast state."""
        everywhere = self._partitioned(Partitioner.BROADCAST)
        if broadcast_state_descriptor is None:
            return everywhere
        from penstock.datastream.connected_streams import BroadcastStream

        return BroadcastStream(everywhere, (broadcast_state_descriptor, *other_broadcast_state_descriptors))

    def partition_custom(self, partitioner: Any, key_selector: Any) -> "DataStream":
        """Records to the subtask that the function chooses for their key."""
        check_function("partition_custom", partitioner, "partition")
        check_function("partition_custom", key_selector, "get_key")
        return self._partitioned(
            Partitioner.CUSTOM,
            key_selector=caller_of(key_selector, "get_key"),
            partition_function=caller_of(partitioner, "partition"),
        )

    def window_all(self, window_assigner: Any) -> "AllWindowedStream":
        """Windows over the whole stream, in one subtask."""
        from penstock.datastream.windowed_stream import AllWindowedStream

        return AllWindowedStream(self, window_assigner)

    # ---------------------------------------------------------------------------------------------------- ends

    def print(self, sink_identifier: str | None = None) -> DataStreamSink:
        """Write every record to the standard output of its slot."""
        factory = PrintFactory(sink_identifier, self._type)
        return DataStreamSink(self._end("Sink: Print to Std. Out", factory))

    def sink_to(self, sink: "Sink") -> DataStreamSink:
        """Write to a sink."""
        transformer = sink.get_transformer() if hasattr(sink, "get_transformer") else None
        if transformer is not None:
            changed: DataStream = transformer.apply(self)
            return changed._write(sink)
        return self._write(sink)

    def _write(self, sink: Any) -> DataStreamSink:
        connector = sink.connector_sink()
        if hasattr(connector, "for_declared_type") and not isinstance(self._type, PickledBytesTypeInfo):
            connector = connector.for_declared_type(self._type)
        node = self._end(f"{type(sink).__name__}: Writer", SinkFactory(connector))
        node.is_stateful = True
        node.is_two_phase = connector.create_committer() is not None
        return DataStreamSink(node)

    def add_sink(self, sink_func: Any) -> DataStreamSink:
        """Write to a sink of the old style."""
        sink = self.sink_to(sink_func)
        return sink.name("Sink: Unnamed")

    def execute_and_collect(
        self, job_execution_name: str | None = None, limit: int | None = None
    ) -> "CloseableIterator | list[Any]":
        """Run the job and iterate over this stream's records, or return the first `limit` as a list."""
        from penstock.datastream.collect import collect

        return collect(self, job_execution_name, limit)

    def cache(self) -> "CachedDataStream":
        """This stream for use in several jobs. Each job computes it anew: nothing is kept between them."""
        from penstock.datastream.cached_stream import CachedDataStream

        return CachedDataStream(self._environment, self._node, self._upstreams, self._type)

    # ---------------------------------------------------------------------------------------------------- parts

    def _step(self, name: str, step: Step, output_type: TypeInformation | None) -> "DataStream":
        check_function(step.kind.value, step.function, step.kind.value)
        stream = self._transform(name, FusedFactory((step,)), output_type)
        stream._node.steps = (step,)
        return stream

    def _transform(
        self, name: str, make: Callable[[], Any], output_type: TypeInformation | None
    ) -> "DataStream":
        node = self._add(name, make)
        node.declared = output_type
        return DataStream(self._environment, node, None, output_type)

    def _end(self, name: str, make: Callable[[], Any]) -> StreamNode:
        """An operator that takes records in their declared shape: a sink."""
        node = self._add(name, make)
        node.is_function = False
        return node

    def _add(self, name: str, make: Callable[[], Any]) -> StreamNode:
        return self._environment._graph.add(name, make, list(self._upstreams))

    def _partitioned(
        self,
        partitioner: Partitioner,
        key_selector: Callable[[Any], Any] | None = None,
        partition_function: Callable[[Any, int], int] | None = None,
    ) -> "DataStream":
        upstreams = tuple(
            replace(
                upstream,
                partitioner=partitioner,
                key_selector=key_selector,
                partition_function=partition_function,
            )
            for upstream in self._upstreams
        )
        return DataStream(self._environment, self._node, upstreams, self._type)


class _Project:
    def __init__(self, indexes: tuple[int, ...]) -> None:
        self._indexes = indexes

    def map(self, value: Any) -> Any:
        return tuple([value[index] for index in self._indexes])
