"""Which Kafka sources a job has and where they stand: of a job that runs over REST, of one that is down from its checkpoint.

Called by `reconcile/scale_to_zero.py`. Blocks for I/O; never unpickles. A source that is not Kafka's is a reason why the
job's lag cannot be known (`NotOfKafka`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from penstock_api.manifest import METADATA_FILE, CheckpointMetadata, OperatorState
from penstock_api.rest.source import KAFKA, JobSources, KafkaPlace
from penstock_operator.clients.objectstore import Stores
from penstock_operator.model.kafka import KafkaSource, Partition


class NotOfKafka(ValueError):
    """The lag cannot be read from Kafka; the text says why."""


def sources_of(job: JobSources) -> tuple[KafkaSource, ...]:
    """Those of a job that runs."""
    for source in job.sources:
        if source.connector != KAFKA:
            raise NotOfKafka(f"the source {source.name!r} does not read from Kafka ({source.connector})")
    if not job.sources:
        raise NotOfKafka("the JobManager tells of no source")
    return tuple(KafkaSource(one.vertex_id, one.name, _place(one.name, one.place)) for one in job.sources)


def stored_sources(paths: Iterable[str], keys: Mapping[str, str]) -> tuple[KafkaSource, ...]:
    """Those of the newest readable checkpoint among these, each with its positions."""
    found: CheckpointMetadata | None = None
    with Stores(keys) as stores:
        for path in paths:
            content = stores.of(path).read(f"{path.rstrip('/')}/{METADATA_FILE}")
            read = _read(content) if content is not None else None
            if read is not None and (found is None or read.checkpoint_id > found.checkpoint_id):
                found = read
    if found is None:
        raise NotOfKafka("there is no readable checkpoint that says where the sources stand")
    sources = tuple(_stored(one) for one in found.operators if one.enumerator is not None)
    if not sources:
        raise NotOfKafka("the job's checkpoint tells of no source")
    return sources


def _read(content: bytes) -> CheckpointMetadata | None:
    try:
        return CheckpointMetadata.model_validate_json(content)
    except ValidationError:
        return None


def _stored(operator: OperatorState) -> KafkaSource:
    state: Mapping[str, Any] = operator.enumerator or {}
    if not isinstance(state.get("source"), dict) or "bootstrap_servers" not in state["source"]:
        raise NotOfKafka(f"the source {operator.name!r} does not read from Kafka")
    splits = [split for subtask in operator.subtasks for split in subtask.splits]
    positions = dict(map(_position, [*splits, *state.get("pending", ())]))
    return KafkaSource(operator.operator_id, operator.name, _place(operator.name, state["source"]), positions)


def _position(split: Mapping[str, Any]) -> tuple[Partition, int]:
    return (str(split["topic"]), int(split["partition"])), int(split["position"])


def _place(name: str, described: Mapping[str, Any]) -> KafkaPlace:
    try:
        return KafkaPlace.model_validate(described)
    except ValidationError as error:
        raise NotOfKafka(
            f"the source {name!r} does not say where it reads ({error.error_count()} faults)"
        ) from None
