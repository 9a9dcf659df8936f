"""Generated records at a rate, text from sockets, the sink that drops everything, and connectors that are refused."""

import importlib
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle
import pytest

from penstock.common.serialization import SimpleStringSchema
from penstock.common.unsupported import UnsupportedOperation
from penstock.connectors.contract import ReaderContext
from penstock.connectors.datagen.rates import PerCheckpoint, PerSecond, RateLimiterStrategy
from penstock.connectors.datagen.source import DataGeneratorSource, GeneratorFunction
from penstock.connectors.discard.sink import DiscardingSink
from penstock.connectors.kafka.dynamic import (
    DynamicKafkaSource,
    KafkaMetadataService,
    SingleClusterTopicMetadataService,
    StreamPatternSubscriber,
)
from penstock.connectors.sockets.source import SocketFailed, SocketTextSource
from penstock.operators.contract import Batch
from tests.connectors.reading import SourceRun
from tests.integration.sink_context import sink_context
from tests.servers.process import free_port


class Squares(GeneratorFunction):
    """Opened before the first record."""

    def open(self, reader_context: ReaderContext) -> None:
        self.is_open = True

    def map(self, value: int) -> int:
        assert self.is_open
        return value * value


def test_each_number_is_generated_once_by_all_and_after_a_restore() -> None:
    definition = cloudpickle.loads(cloudpickle.dumps(DataGeneratorSource(Squares(), 1000))).definition()
    first = SourceRun(definition, 2, max_records=7)
    first.run(lambda: sum(map(len, first.values)) >= 400)
    state, splits = first.snapshot()
    first.close()
    second = SourceRun(definition, 3, enumerator_state=state, splits=splits)
    made = [value for part in first.values + second.run_to_end() for value in part]
    second.close()
    assert sorted(made) == [number * number for number in range(1000)]


def test_a_plain_function_generates_for_ever() -> None:
    source = DataGeneratorSource(lambda number: f"r{number}", None)
    assert source.definition().boundedness.name == "CONTINUOUS_UNBOUNDED"
    run = SourceRun(source.definition())
    run.run(lambda: len(run.values[0]) >= 500)
    assert run.values[0][:2] == ["r0", "r1"]
    run.close()


def test_a_rate_holds_back_and_the_reader_wakes_itself() -> None:
    strategy = RateLimiterStrategy.per_second(2_000)
    run = SourceRun(DataGeneratorSource(lambda number: number, 300, strategy).definition())
    assert run.run_to_end() == [list(range(300))]
    run.close()


def test_rates_are_shared_and_bursts_are_bounded() -> None:
    now = [0.0]
    limiter = PerSecond(100, clock=lambda: now[0])
    assert limiter.take(50) == 0
    now[0] = 0.05
    assert limiter.take(50) == 5
    now[0] = 10.0
    assert limiter.take(50) == 10
    assert limiter.wait_seconds == pytest.approx(0.01)
    shares = [RateLimiterStrategy.per_checkpoint(7).limiter(subtask, 3) for subtask in range(3)]
    assert [share.take(100) for share in shares] == [3, 2, 2]
    gate = PerCheckpoint(2)
    assert [gate.take(5), gate.take(5)] == [2, 0]
    gate.checkpoint_completed()
    assert gate.take(1) == 1
    for wrong in (RateLimiterStrategy.per_second, RateLimiterStrategy.per_checkpoint):
        with pytest.raises(ValueError, match="above 0"):
            wrong(0)


def test_a_checkpoint_opens_the_gate() -> None:
    source = DataGeneratorSource(lambda number: number, 10, RateLimiterStrategy.per_checkpoint(4))
    run = SourceRun(source.definition())
    run.run(lambda: run.values[0] == [0, 1, 2, 3])
    assert run.readers[0].poll(10) is None
    run.readers[0].notify_complete(1)
    run.run(lambda: len(run.values[0]) == 8)
    run.close()


def serve(connections: Sequence[bytes], port: int = 0) -> tuple[int, Callable[[], None]]:
    """Answer each connection with its bytes, then close it; the port, and what waits for the end."""
    listener = socket.create_server(("127.0.0.1", port))

    def answer() -> None:
        with listener:
            for data in connections:
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(data)

    thread = threading.Thread(target=answer)
    thread.start()
    return listener.getsockname()[1], lambda: thread.join(20)


def test_lines_come_from_a_socket_until_it_closes() -> None:
    port, done = serve(["un\r\ndeux\ntroïs".encode()])
    run = SourceRun(SocketTextSource("127.0.0.1", port).definition(), 2)
    assert sorted(run.run_to_end()) == [[], ["un", "deux", "troïs"]]
    run.close()
    done()


def test_a_connection_is_made_again_and_delimiters_are_free() -> None:
    port, done = serve([b"a;;b;;", b"c;;"])
    run = SourceRun(
        SocketTextSource("127.0.0.1", port, ";;", max_retries=-1, retry_seconds=0.01).definition()
    )
    run.run(lambda: run.values[0] == ["a", "b", "c"])
    run.close()
    done()


def test_a_socket_that_nobody_serves_is_named() -> None:
    port = free_port()
    source = SocketTextSource("127.0.0.1", port, max_retries=2, retry_seconds=0.01)
    run = SourceRun(source.definition())
    with pytest.raises(SocketFailed, match=f"127.0.0.1:{port}: .*after 2 retries"):
        run.run_to_end()
    run.close()
    with pytest.raises(ValueError, match="no port"):
        SocketTextSource("h", 0)


def test_discarded_records_leave_nothing() -> None:
    sink = cloudpickle.loads(cloudpickle.dumps(DiscardingSink())).connector_sink()
    writer: Any = sink.create_writer()
    writer.open(sink_context(0, 1), [], None)
    writer.write(Batch([1, 2]))
    assert (writer.prepare_commit(1), writer.snapshot(), sink.create_committer()) == ([], [], None)
    writer.close()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("cassandra", "CassandraSink"),
        ("elasticsearch", "Elasticsearch7SinkBuilder"),
        ("kinesis", "FlinkKinesisConsumer"),
        ("pulsar", "PulsarSource"),
        ("rabbitmq", "RMQSource"),
    ],
)
def test_connectors_that_are_not_there_say_what_to_use(module: str, name: str) -> None:
    found = getattr(importlib.import_module(f"penstock.datastream.connectors.{module}"), name)
    with pytest.raises(UnsupportedOperation, match=f"{name} is not supported: there is no connector for"):
        found("anything", at="all")


def test_streams_of_one_cluster_are_topics() -> None:
    service = SingleClusterTopicMetadataService("main", {"bootstrap.servers": "h:1"})
    builder = DynamicKafkaSource.builder().set_kafka_metadata_service(service).set_group_id("g")
    builder.set_kafka_stream_subscriber(StreamPatternSubscriber("clicks-.*"))
    source = builder.set_value_only_deserializer(SimpleStringSchema()).build()
    options = source.definition().options
    assert options["pattern"] == "clicks-.*"
    assert options["properties"] == {"bootstrap.servers": "h:1", "group.id": "g"}
    with pytest.raises(UnsupportedOperation, match="SingleClusterTopicMetadataService"):
        KafkaMetadataService(None)
