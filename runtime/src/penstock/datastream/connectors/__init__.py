"""Connectors, where PyFlink programs import them from: here, or from the module of each."""

from penstock.datastream.connectors.base import DeliveryGuarantee, Sink, Source
from penstock.datastream.connectors.file_system import FileSink, FileSource, StreamingFileSink
from penstock.datastream.connectors.kafka import (
    FlinkKafkaConsumer,
    FlinkKafkaProducer,
    KafkaSink,
    KafkaSource,
)
from penstock.datastream.connectors.number_seq import NumberSequenceSource

__all__ = [
    "DeliveryGuarantee",
    "FileSink",
    "FileSource",
    "FlinkKafkaConsumer",
    "FlinkKafkaProducer",
    "KafkaSink",
    "KafkaSource",
    "NumberSequenceSource",
    "Sink",
    "Source",
    "StreamingFileSink",
]
