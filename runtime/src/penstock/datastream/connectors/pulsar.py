"""Pulsar, which Penstock has no connector for: the classes of PyFlink's module say so when they are used."""

from enum import Enum
from typing import Any

from penstock.connectors.refused import refused_classes

_CLASSES = refused_classes(
    __name__,
    """
    MessageDelayer: fixed never
    PulsarSink: builder get_java_function
    PulsarSinkBuilder: build delay_sending_message set_admin_url set_authentication set_config set_delivery_guarantee set_producer_name set_properties set_serialization_schema set_service_url set_topic_router set_topic_routing_mode set_topics
    PulsarSource: builder get_java_function
    PulsarSourceBuilder: build set_admin_url set_authentication set_bounded_stop_cursor set_config set_config_with_dict set_consumer_name set_deserialization_schema set_properties set_range_generator set_service_url set_start_cursor set_subscription_name set_topic_pattern set_topics set_unbounded_stop_cursor
    RangeGenerator: fixed_key full
    StartCursor: default_start_cursor earliest from_message_id from_publish_time latest
    StopCursor: after_event_time after_message_id after_publish_time at_event_time at_message_id at_publish_time default_stop_cursor latest never
    """,
    "there is no connector for Pulsar",
    "Use the Kafka connector against Pulsar's Kafka protocol handler",
)
MessageDelayer: Any = _CLASSES["MessageDelayer"]
PulsarSink: Any = _CLASSES["PulsarSink"]
PulsarSinkBuilder: Any = _CLASSES["PulsarSinkBuilder"]
PulsarSource: Any = _CLASSES["PulsarSource"]
PulsarSourceBuilder: Any = _CLASSES["PulsarSourceBuilder"]
RangeGenerator: Any = _CLASSES["RangeGenerator"]
StartCursor: Any = _CLASSES["StartCursor"]
StopCursor: Any = _CLASSES["StopCursor"]

__all__ = [
    "MessageDelayer",
    "PulsarSink",
    "PulsarSinkBuilder",
    "PulsarSource",
    "PulsarSourceBuilder",
    "RangeGenerator",
    "StartCursor",
    "StopCursor",
    "TopicRoutingMode",
]


class TopicRoutingMode(Enum):
    """Kept so that programs can be read; nothing takes it."""

    CUSTOM = "custom"
    MESSAGE_KEY_HASH = "message_key_hash"
    ROUND_ROBIN = "round_robin"
