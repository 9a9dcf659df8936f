"""Client properties as users write them (Java's names) made into librdkafka's and aiokafka's.

Used by every part of the connector. What Java has and librdkafka has not is translated, left out where it is
without meaning here, or refused with the alternative. Unknown keys are passed on to librdkafka, which names the
ones that it refuses. Values of secrets appear in no message.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from penstock.connectors.kafka.errors import UnusableProperties
from penstock.connectors.kafka.security import NEVER_PASSED, librdkafka_security, ssl_context

SECRETS = "penstock.secrets"
"""Names of the Secrets that hold the client's login, for the operator; the brokers' client never sees it."""

# Java client settings without a meaning in librdkafka, which programs written for Flink often carry.
_JAVA_ONLY = {
    "key.deserializer",
    "value.deserializer",
    "key.serializer",
    "value.serializer",
    "max.poll.records",
    "max.block.ms",
    "default.api.timeout.ms",
    "auto.commit.interval.ms",
    "partition.assignment.strategy",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "client.id.prefix",
    "partition.discovery.interval.ms",
    "flink.partition-discovery.interval-millis",
    "flink.poll-timeout",
    "register.consumer.metrics",
    "commit.offsets.on.checkpoint",
    SECRETS,
}
_RENAMED = {
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "max.request.size": "message.max.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "send.buffer.bytes": "socket.send.buffer.bytes",
}
_REFUSED = {
    "interceptor.classes": "interceptors are Java classes: map the stream instead",
    "partitioner.class": "partitioners are Java classes: give one to the record serializer's set_partitioner()",
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
    kept: dict[str, Any] = {}
    for key, value in properties.items():
        if key in _REFUSED and value:
            raise UnusableProperties(f"the Kafka property {key} cannot be used here: {_REFUSED[key]}")
        if key == "buffer.memory":
            kept["queue.buffering.max.kbytes"] = max(1, int(value) // 1024)
        elif key not in _JAVA_ONLY and key not in _REFUSED and key not in NEVER_PASSED:
            kept[_RENAMED.get(key, key)] = value
    ours = {key.replace("_", "."): value for key, value in overrides.items()}
    # Connection losses reach the callbacks and our log; librdkafka would print each attempt to stderr.
    return {
        "log_level": 2,
        "reconnect.backoff.max.ms": 2000,
        **kept,
        **librdkafka_security(properties),
        **ours,
    }


def client_id(properties: Mapping[str, Any], who: str) -> dict[str, str]:
    """A client's own name where the program gave a prefix: what brokers' metrics and quotas tell clients apart by."""
    prefix = properties.get("client.id.prefix")
    return {"client.id": f"{prefix}-{who}"} if prefix else {}


def protocol_client_arguments(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of aiokafka's client that reach the same brokers with the same credentials."""
    plain = {key: value for key, value in properties.items() if key not in NEVER_PASSED}
    given = {**plain, **librdkafka_security(properties)}
    protocol = str(given.get("security.protocol", "PLAINTEXT")).upper()
    arguments: dict[str, Any] = {
        "bootstrap_servers": bootstrap_servers(properties).split(","),
        "security_protocol": protocol,
        "request_timeout_ms": 20_000,
    }
    if protocol.endswith("SSL"):
        context: ssl.SSLContext = ssl_context(given)
        arguments["ssl_context"] = context
    if protocol.startswith("SASL"):
        mechanism = str(given.get("sasl.mechanism") or given.get("sasl.mechanisms") or "PLAIN")
        if mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            raise UnusableProperties(
                f"an exactly-once Kafka sink cannot log in by {mechanism}: use PLAIN or SCRAM, TLS certificates, or "
                "at-least-once delivery"
            )
        arguments["sasl_mechanism"] = mechanism
        arguments["sasl_plain_username"] = given.get("sasl.username")
        arguments["sasl_plain_password"] = given.get("sasl.password")
    return arguments
