"""RabbitMQ, which Penstock has no connector for: the classes of PyFlink's module say so when they are used."""

from typing import Any

from penstock.connectors.refused import refused_classes

_CLASSES = refused_classes(
    __name__,
    """
    RMQConnectionConfig: Builder get_connection_timeout get_host get_network_recovery_interval get_password get_port get_requested_channel_max get_requested_frame_max get_requested_heartbeat get_uri get_user_name get_virtual_host is_automatic_recovery is_topology_recovery
    RMQSink: get_java_function
    RMQSource: get_java_function
    """,
    "there is no connector for RabbitMQ",
    "Read and write Kafka, with a bridge such as Kafka Connect to RabbitMQ",
)
RMQConnectionConfig: Any = _CLASSES["RMQConnectionConfig"]
RMQSink: Any = _CLASSES["RMQSink"]
RMQSource: Any = _CLASSES["RMQSource"]

__all__ = [
    "RMQConnectionConfig",
    "RMQSink",
    "RMQSource",
]
