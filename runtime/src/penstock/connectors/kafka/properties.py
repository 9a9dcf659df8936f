"""Client properties as users write them (Java's names) made into librdkafka's and aiokafka's.

Used by every part of the connector. Unknown keys are passed on to librdkafka, which names the ones that it
refuses.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from penstock.connectors.kafka.errors import UnusableProperties

# Java client settings without a meaning in librdkafka, which programs written for Flink often carry.
_JAVA_ONLY = {
    "key.deserializer",
    "value.deserializer",
    "key.serializer",
    "value.serializer",
    "max.poll.records",
    "fetch.max.wait.ms",
    "buffer.memory",
    "max.block.ms",
    "client.id.prefix",
    "partition.discovery.interval.ms",
    "flink.partition-discovery.interval-millis",
    "register.consumer.metrics",
    "commit.offsets.on.checkpoint",
    "sasl.jaas.config",
}


def bootstrap_servers(properties: Mapping[str, Any]) -> str:
    """The brokers to ask first; an error that names the property if there are none."""
    servers = properties.get("bootstrap.servers") or properties.get("metadata.broker.list")
    if not servers:
        raise UnusableProperties(
            "the Kafka connector needs the property bootstrap.servers, as in 'host:9092'"
        )
    return str(servers)


def client_properties(properties: Mapping[str, Any], **overrides: Any) -> dict[str, Any]:
    """Properties for a librdkafka client; `overrides` are ours and win (underscores stand for dots)."""
    bootstrap_servers(properties)
    kept = {key: value for key, value in properties.items() if key not in _JAVA_ONLY}
    ours = {key.replace("_", "."): value for key, value in overrides.items()}
    # Connection losses reach the callbacks and our log; librdkafka would print each attempt to stderr.
    return {"log_level": 2, "reconnect.backoff.max.ms": 2000, **kept, **ours}


def protocol_client_arguments(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of aiokafka's client that reach the same brokers with the same credentials."""
    protocol = str(properties.get("security.protocol", "PLAINTEXT")).upper()
    arguments: dict[str, Any] = {
        "bootstrap_servers": bootstrap_servers(properties).split(","),
        "security_protocol": protocol,
        "request_timeout_ms": 20_000,
    }
    if protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=properties.get("ssl.ca.location"))
        if properties.get("ssl.certificate.location"):
            context.load_cert_chain(
                properties["ssl.certificate.location"],
                properties.get("ssl.key.location"),
                properties.get("ssl.key.password"),
            )
        arguments["ssl_context"] = context
    if protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = (
            properties.get("sasl.mechanism") or properties.get("sasl.mechanisms") or "PLAIN"
        )
        arguments["sasl_plain_username"] = properties.get("sasl.username")
        arguments["sasl_plain_password"] = properties.get("sasl.password")
    return arguments
