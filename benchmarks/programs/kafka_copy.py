"""Kafka to Kafka: arguments are the mode, brokers, source topic, target topic. Measured by `benchmarks.kafka_to_kafka`.

`raw` is the floor: librdkafka's own consumer and producer in one Python loop, messages as they are. `copy` is a
job of source and sink, `exactly-once` the same with transactions and a checkpoint each second, `json` decodes,
changes and encodes each record, exactly once too. A fifth argument is a jar with Flink's Kafka connector: then this
is run by PyFlink.
"""

import json
import sys
import time
import uuid

GROUP = f"bench-{uuid.uuid4().hex[:8]}"


def raw(bootstrap: str, source: str, target: str) -> float:
    """Milliseconds of a bare loop."""
    from confluent_kafka import Consumer, Message, Producer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 32768,
        }
    )
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
    )
    partitions = consumer.list_topics(source, timeout=30).topics[source].partitions
    consumer.assign([TopicPartition(source, partition, 0) for partition in partitions])
    started, ended = time.monotonic(), 0
    while ended < len(partitions):
        messages = consumer.consume(10_000, 0.1)
        ended += sum(message.error() is not None for message in messages)
        values = [{"value": value} for value in map(Message.value, messages) if value is not None]
        while len(producer) > 100_000:
            producer.poll(0.01)
        if values:
            producer.produce_batch(target, values)
        producer.poll(0)
    producer.flush(60)
    elapsed = (time.monotonic() - started) * 1000
    consumer.close()
    return elapsed


def job(mode: str, bootstrap: str, source: str, target: str, jar: str = "") -> float:
    """Milliseconds of a job."""
    from pyflink.common import Configuration, Types, WatermarkStrategy
    from pyflink.common.serialization import SimpleStringSchema
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.datastream.connectors.base import DeliveryGuarantee
    from pyflink.datastream.connectors.kafka import (
        KafkaOffsetsInitializer,
        KafkaRecordSerializationSchema,
        KafkaSink,
        KafkaSource,
    )

    configuration = Configuration()
    if jar:
        configuration.set_string("python.executable", sys.executable)
        configuration.set_string("python.client.executable", sys.executable)
        configuration.set_string("python.fn-execution.bundle.size", "100000")
        configuration.set_string("python.execution-mode", "thread")
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    if jar:
        env.add_jars(f"file://{jar}")
    env.set_parallelism(1)
    kafka = (
        KafkaSource.builder()
        .set_bootstrap_servers(bootstrap)
        .set_topics(source)
        .set_group_id(GROUP)
        .set_bounded(KafkaOffsetsInitializer.latest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    schema = KafkaRecordSerializationSchema.builder().set_topic(target)
    sink = (
        KafkaSink.builder()
        .set_bootstrap_servers(bootstrap)
        .set_record_serializer(schema.set_value_serialization_schema(SimpleStringSchema()).build())
    )
    if mode != "copy":
        env.enable_checkpointing(1000)
        sink = sink.set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        sink = sink.set_transactional_id_prefix(target)
        sink = sink.set_property("transaction.timeout.ms", "600000")
    stream = env.from_source(kafka, WatermarkStrategy.no_watermarks(), "clicks")
    if mode == "json":
        stream = stream.map(json.loads).map(lambda click: click | {"seen": True})
        stream = stream.map(json.dumps, output_type=Types.STRING())
    stream.sink_to(sink.build())
    started = time.monotonic()
    result = env.execute("kafka to kafka")
    return float(result.get_net_runtime() or (time.monotonic() - started) * 1000)


if __name__ == "__main__":
    given, *rest = sys.argv[1:]
    milliseconds = raw(*rest) if given == "raw" else job(given, *rest)
    print(json.dumps({"net_runtime_ms": milliseconds}))
