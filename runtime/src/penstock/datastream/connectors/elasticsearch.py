"""Elasticsearch, which Penstock has no connector for: the classes of PyFlink's module say so when they are used."""

from enum import Enum
from typing import Any

from penstock.connectors.refused import refused_classes

_CLASSES = refused_classes(
    __name__,
    """
    Elasticsearch6SinkBuilder: build get_http_host_class set_bulk_flush_backoff_strategy set_bulk_flush_interval set_bulk_flush_max_actions set_bulk_flush_max_size_mb set_connection_password set_connection_path_prefix set_connection_request_timeout set_connection_timeout set_connection_username set_delivery_guarantee set_emitter set_hosts set_socket_timeout
    Elasticsearch7SinkBuilder: build get_http_host_class set_bulk_flush_backoff_strategy set_bulk_flush_interval set_bulk_flush_max_actions set_bulk_flush_max_size_mb set_connection_password set_connection_path_prefix set_connection_request_timeout set_connection_timeout set_connection_username set_delivery_guarantee set_emitter set_hosts set_socket_timeout
    ElasticsearchEmitter: dynamic_index static_index
    ElasticsearchSink: get_java_function
    ElasticsearchSinkBuilderBase: build get_http_host_class set_bulk_flush_backoff_strategy set_bulk_flush_interval set_bulk_flush_max_actions set_bulk_flush_max_size_mb set_connection_password set_connection_path_prefix set_connection_request_timeout set_connection_timeout set_connection_username set_delivery_guarantee set_emitter set_hosts set_socket_timeout
    """,
    "there is no connector for Elasticsearch",
    "Write to Kafka and let Kafka Connect write to Elasticsearch, or write by a sink of your own on its bulk API",
)
Elasticsearch6SinkBuilder: Any = _CLASSES["Elasticsearch6SinkBuilder"]
Elasticsearch7SinkBuilder: Any = _CLASSES["Elasticsearch7SinkBuilder"]
ElasticsearchEmitter: Any = _CLASSES["ElasticsearchEmitter"]
ElasticsearchSink: Any = _CLASSES["ElasticsearchSink"]
ElasticsearchSinkBuilderBase: Any = _CLASSES["ElasticsearchSinkBuilderBase"]

__all__ = [
    "Elasticsearch6SinkBuilder",
    "Elasticsearch7SinkBuilder",
    "ElasticsearchEmitter",
    "ElasticsearchSink",
    "ElasticsearchSinkBuilderBase",
    "FlushBackoffType",
]


class FlushBackoffType(Enum):
    """Kept so that programs can be read; nothing takes it."""

    CONSTANT = "constant"
    EXPONENTIAL = "exponential"
    NONE = "none"
