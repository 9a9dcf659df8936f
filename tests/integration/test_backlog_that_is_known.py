"""What the autoscaler reads of a real job's backlog, where the backlog is known: records of a topic that it has not read yet.

The job takes each record slowly, so that records wait for as long as the test looks.
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from penstock_operator.autoscale.options import BusyTimeAggregator
from penstock_operator.autoscale.signals import Graph, VertexSample
from penstock_operator.clients.flink_rest import FlinkRest
from penstock_operator.observe import signals
from tests.integration.conftest import read_partitions
from tests.launch.cluster_processes import JOB_ID, Cluster
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(500)]

PARTITIONS, WRITTEN, MORE, COST = 3, 6000, 900, 0.02
PROGRAM = """
import time
from penstock.common import WatermarkStrategy
from penstock.common.serialization import SimpleStringSchema
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.kafka import KafkaOffsetsInitializer, KafkaSource
def work(value):
    time.sleep({cost})
    return value
env = StreamExecutionEnvironment.get_execution_environment()
source = (
    KafkaSource.builder()
    .set_bootstrap_servers({bootstrap!r})
    .set_topics({topic!r})
    .set_group_id({group!r})
    .set_starting_offsets(KafkaOffsetsInitializer.earliest())
    .set_value_only_deserializer(SimpleStringSchema())
    .build()
)
env.from_source(source, WatermarkStrategy.no_watermarks(), "orders.v1").map(work).print()
env.execute("slow reader")
"""


def write(kafka: KafkaServer, topic: str, count: int) -> None:
    """So many records, in turn over the partitions."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True})
    for number in range(count):
        producer.produce(topic, str(number), partition=number % PARTITIONS)
    assert producer.flush(30) == 0


@pytest.fixture
def topic(kafka: KafkaServer, make_topic: Callable[[int], str]) -> str:
    """With records that nobody has read."""
    made = make_topic(PARTITIONS)
    write(kafka, made, WRITTEN)
    return made


@pytest.fixture
def running(kafka: KafkaServer, topic: str, tmp_path: Path) -> Iterator[Cluster]:
    """The job that reads them."""
    group = f"group-{uuid.uuid4().hex}"
    program = PROGRAM.format(cost=COST, bootstrap=kafka.bootstrap, topic=topic, group=group)
    (tmp_path / "program.py").write_text(program)
    made = Cluster(tmp_path, slots=1)
    try:
        made.start_jobmanager(tmp_path / "program.py")
        made.start("taskmanager")
        made.wait_status("RUNNING")
        yield made
    finally:
        made.close()


def test_pending_records_are_those_that_were_written_and_not_read(
    kafka: KafkaServer, topic: str, running: Cluster
) -> None:
    with FlinkRest(f"http://127.0.0.1:{running.port}") as rest:

        def seen() -> tuple[Graph, VertexSample] | None:
            found = signals.collect(rest, JOB_ID, BusyTimeAggregator.MAX, slots_share_a_thread=True)
            if found is None:
                return None
            graph, sample = found
            return graph, sample.vertices[graph.vertices[0].id]

        def counts(total: int) -> bool:
            """Whether records read and records that wait make the total, while there are both."""
            found = seen()
            if found is None or not found[1].lag:
                return False
            read, waits = found[1].records_in, found[1].lag
            assert read + waits <= total
            return read > 0 and read + waits == total

        wait_until(lambda: counts(WRITTEN), "the backlog is told", 150)
        write(kafka, topic, MORE)
        wait_until(lambda: counts(WRITTEN + MORE), "what came meanwhile is told", 150)
        found = seen()
        assert found is not None
        source = found[0].vertices[0]
        assert (source.is_source, source.partitions) == (True, PARTITIONS)
        there = sum(map(len, read_partitions(kafka.bootstrap, topic).values()))
        assert there == WRITTEN + MORE
