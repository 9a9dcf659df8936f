"""The `_metadata` file: what it lists, and that it is read as it was written."""

import pytest
from pydantic import ValidationError

from penstock_api.manifest import (
    FORMAT_VERSION,
    CheckpointMetadata,
    KeyedObject,
    OperatorState,
    SnapshotKind,
    StateObject,
    SubtaskState,
)


def metadata() -> CheckpointMetadata:
    keyed = KeyedObject(object=StateObject(path="0/keyed", size=70), first=0, last=1, offsets=[0, 30])
    subtask = SubtaskState(index=0, keyed=[keyed], operator=[StateObject(path="0/operator", size=5)])
    return CheckpointMetadata(
        kind=SnapshotKind.SAVEPOINT,
        job_id="a" * 32,
        job_name="clicks",
        checkpoint_id=7,
        attempt=2,
        trigger_timestamp=1,
        completed_timestamp=2,
        python_version="3.11.7",
        penstock_version="0.1.0",
        operators=[
            OperatorState(
                uid="count",
                operator_id="b" * 32,
                name="count",
                parallelism=1,
                max_parallelism=128,
                subtasks=[subtask],
            )
        ],
    )


def test_it_is_read_as_it_was_written() -> None:
    written = metadata().model_dump_json()
    assert CheckpointMetadata.model_validate_json(written) == metadata()
    assert metadata().format_version == FORMAT_VERSION


def test_it_lists_every_object_with_its_size() -> None:
    assert [stored.path for stored in metadata().objects()] == ["0/keyed", "0/operator"]
    assert metadata().state_size() == 75


def test_a_size_below_zero_is_refused() -> None:
    with pytest.raises(ValidationError, match="size"):
        StateObject(path="x", size=-1)
