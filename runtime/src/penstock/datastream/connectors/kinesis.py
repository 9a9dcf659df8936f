"""Kinesis, which Penstock has no connector for: the classes of PyFlink's module say so when they are used."""

from typing import Any

from penstock.connectors.refused import refused_classes

_CLASSES = refused_classes(
    __name__,
    """
    FlinkKinesisConsumer: get_java_function set_periodic_watermark_assigner set_shard_assigner set_watermark_tracker
    KinesisDeserializationSchema:
    KinesisFirehoseSink: builder get_java_function
    KinesisFirehoseSinkBuilder: build set_delivery_stream_name set_fail_on_error set_firehose_client_properties set_max_batch_size set_max_batch_size_in_bytes set_max_buffered_requests set_max_in_flight_requests set_max_record_size_in_bytes set_max_time_in_buffer_ms set_serialization_schema
    KinesisShardAssigner: default_shard_assigner uniform_shard_assigner
    KinesisStreamsSink: builder get_java_function
    KinesisStreamsSinkBuilder: build set_fail_on_error set_kinesis_client_properties set_max_batch_size set_max_batch_size_in_bytes set_max_buffered_requests set_max_in_flight_requests set_max_record_size_in_bytes set_max_time_in_buffer_ms set_partition_key_generator set_serialization_schema set_stream_name
    PartitionKeyGenerator: fixed random
    WatermarkTracker: job_manager_watermark_tracker
    """,
    "there is no connector for Kinesis",
    "Read and write Kafka (Amazon MSK), or write files to S3, from which Firehose loads",
)
FlinkKinesisConsumer: Any = _CLASSES["FlinkKinesisConsumer"]
KinesisDeserializationSchema: Any = _CLASSES["KinesisDeserializationSchema"]
KinesisFirehoseSink: Any = _CLASSES["KinesisFirehoseSink"]
KinesisFirehoseSinkBuilder: Any = _CLASSES["KinesisFirehoseSinkBuilder"]
KinesisShardAssigner: Any = _CLASSES["KinesisShardAssigner"]
KinesisStreamsSink: Any = _CLASSES["KinesisStreamsSink"]
KinesisStreamsSinkBuilder: Any = _CLASSES["KinesisStreamsSinkBuilder"]
PartitionKeyGenerator: Any = _CLASSES["PartitionKeyGenerator"]
WatermarkTracker: Any = _CLASSES["WatermarkTracker"]

__all__ = [
    "FlinkKinesisConsumer",
    "KinesisDeserializationSchema",
    "KinesisFirehoseSink",
    "KinesisFirehoseSinkBuilder",
    "KinesisShardAssigner",
    "KinesisStreamsSink",
    "KinesisStreamsSinkBuilder",
    "PartitionKeyGenerator",
    "WatermarkTracker",
]
