"""Which state goes to which subtask, at the same or another parallelism."""

import pytest

from penstock.checkpoint.restore import RestoreRefused, plan_restore
from penstock.checkpoint.settings import parse_duration_ms, read_settings
from penstock.graph.jobgraph import JobGraph, OperatorSpec, VertexSpec
from penstock_api.keys import key_group_range
from penstock_api.manifest import (
    CheckpointMetadata,
    KeyedObject,
    OperatorState,
    SnapshotKind,
    StateObject,
    SubtaskState,
)

ID = "a" * 32


def job(parallelism: int, maximum: int = 128) -> JobGraph:
    operator = OperatorSpec(uid="u", operator_id=ID, name="count", factory=b"", is_stateful=True)
    vertex = VertexSpec(
        id=ID, name="count", parallelism=parallelism, max_parallelism=maximum, operators=[operator]
    )
    return JobGraph(name="job", vertices=[vertex], edges=[])


def snapshot(parallelism: int, maximum: int = 128, **more: int) -> CheckpointMetadata:
    subtasks = []
    for index in range(parallelism):
        first, last = key_group_range(maximum, parallelism, index)
        keyed = KeyedObject(object=StateObject(path=f"k{index}", size=1), first=first, last=last, offsets=[0])
        committables: list[dict[str, object]] = [{"t": index}] if more else []
        subtasks.append(
            SubtaskState(index=index, keyed=[keyed], splits=[{"id": str(index)}], committables=committables)
        )
    operator = OperatorState(
        uid="u",
        operator_id=ID,
        name="count",
        parallelism=parallelism,
        max_parallelism=maximum,
        subtasks=subtasks,
        enumerator={"seen": 1},
    )
    return CheckpointMetadata(
        kind=SnapshotKind.CHECKPOINT,
        job_id="b" * 32,
        job_name="job",
        checkpoint_id=1,
        attempt=1,
        trigger_timestamp=0,
        completed_timestamp=1,
        python_version="3",
        penstock_version="0",
        operators=[operator],
        **more,
    )


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 3), (2, 3), (3, 2), (4, 1)])
def test_every_key_group_reaches_its_subtask(old: int, new: int) -> None:
    plan = plan_restore(job(new), snapshot(old), False, 0)
    vertex = plan.graph.vertices[0]
    for index in range(new):
        first, last = key_group_range(128, new, index)
        given = {
            group
            for state in plan.for_subtask(vertex, index)
            for subtask in state.subtasks
            for keyed in subtask.keyed
            for group in range(keyed.first, keyed.last + 1)
        }
        assert set(range(first, last + 1)) <= given
    assert len(plan.splits(ID)) == old
    assert plan.enumerator(ID) == {"seen": 1}


def test_maximum_parallelism_stays_as_in_the_state() -> None:
    assert plan_restore(job(2, 256), snapshot(2, 128), False, 0).graph.vertices[0].max_parallelism == 128


def test_more_subtasks_than_the_state_has_key_groups_are_refused() -> None:
    with pytest.raises(RestoreRefused) as refused:
        plan_restore(job(5, 128), snapshot(2, 4), False, 0)
    assert refused.value.reason == "StateIncompatible"


def test_transactions_that_the_broker_forgot_are_refused() -> None:
    old = snapshot(1, transaction_timeout_ms=1000)
    assert plan_restore(job(1), old, False, 500)
    with pytest.raises(RestoreRefused) as refused:
        plan_restore(job(1), old, False, 5000)
    assert refused.value.reason == "CheckpointTooOld"


@pytest.mark.parametrize(
    ("text", "ms"),
    [("10 s", 10_000), ("500ms", 500), ("1 min", 60_000), ("PT1M30S", 90_000), ("7", 7), ("2 h", 7_200_000)],
)
def test_durations_as_flink_writes_them(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms


def test_old_and_new_names_of_settings() -> None:
    old = read_settings({"state.checkpoints.dir": "s3://b/c/", "state.checkpoints.num-retained": "3"})
    new = read_settings(
        {"execution.checkpointing.dir": "s3://b/c", "execution.checkpointing.num-retained": "3"}
    )
    assert old == new
    with pytest.raises(ValueError, match=r"checkpointing\.interval: .soon."):
        read_settings({"execution.checkpointing.interval": "soon"})
