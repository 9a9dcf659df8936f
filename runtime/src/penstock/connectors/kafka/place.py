"""Where a Kafka source reads, for whoever measures its lag from outside: in checkpoints' metadata and over REST.

Used by `enumerator`. Only what is named here is ever published: never a property that may be secret.
"""

from collections.abc import Mapping
from typing import Any

from penstock.connectors.kafka.properties import SECRETS, bootstrap_servers
from penstock_api.rest.source import KafkaPlace


def describe_place(options: Mapping[str, Any]) -> dict[str, Any]:
    """The place of a source with these options (`source.KafkaSourceSettings.options`), as JSON."""
    properties: Mapping[str, str] = options["properties"]
    partitions = [(str(topic), int(number)) for topic, number in options.get("partitions") or ()]
    place = KafkaPlace(
        bootstrap_servers=bootstrap_servers(properties),
        topics=list(options.get("topics") or sorted({topic for topic, _ in partitions})),
        topic_pattern=options.get("pattern"),
        partitions=partitions,
        group_id=properties.get("group.id") if _commits(properties) else None,
        isolation_level=properties.get("isolation.level") or "read_committed",
        security_protocol=properties.get("security.protocol"),
        sasl_mechanism=properties.get("sasl.mechanism") or properties.get("sasl.mechanisms"),
        secrets=[name.strip() for name in properties.get(SECRETS, "").split(",") if name.strip()],
    )
    return place.model_dump(mode="json")


def _commits(properties: Mapping[str, str]) -> bool:
    return str(properties.get("commit.offsets.on.checkpoint", "true")).lower() != "false"
