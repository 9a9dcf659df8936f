"""Periods and Quartz expressions, which old snapshots go, and the snapshots that the operator asks for itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot
from penstock_operator.configuration.values import Values
from penstock_operator.decide.snapshot.history import Keeping, removable
from penstock_operator.decide.snapshot.schedule import as_cron, next_due
from penstock_operator.decide.snapshot.times import moment
from penstock_operator.model.plan import TakeSnapshot
from penstock_operator.reconcile.snapshot_history import keeping_of
from tests.operator.simulation import World

DAY = 86_400_000
SUNDAY = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0 0 3 * * ?", "2026-11-22T03:00:00"),
        ("30 15 3 ? * MON", "2026-11-23T03:15:30"),
        ("0 0 3 ? * 1", "2026-11-22T03:00:00"),
        ("0 0 3 ? * 2-6", "2026-11-23T03:00:00"),
        ("0 0 3 ? * 6L", "2026-11-27T03:00:00"),
        ("0 0 3 ? * 6#3", "2026-12-18T03:00:00"),
        ("0 0/10 * * * ?", "2026-11-22T00:10:00"),
        ("0 0 0 L * ?", "2026-11-30T00:00:00"),
        ("0 0 3 1 1 ? 2028", "2028-01-01T03:00:00"),
        ("15 3 * * *", "2026-11-22T03:15:00"),
        ("1 h", "2026-11-22T01:00:00"),
    ],
)
def test_next_moment(expression: str, due: str) -> None:
    found = next_due(expression, SUNDAY)
    assert found is not None
    assert datetime.fromtimestamp(found / 1000, tz=UTC).isoformat()[:19] == due


@pytest.mark.parametrize("expression", ["", "0 s", "never", "1 2 3", "99 0 3 * * ?"])
def test_no_moment(expression: str) -> None:
    assert next_due(expression, SUNDAY) is None


def test_year_that_has_passed_is_never_due() -> None:
    found = next_due("0 0 3 1 1 ? 2020", SUNDAY)
    assert found is None or found > SUNDAY + 365 * DAY


def test_days_of_the_week_are_counted_as_quartz_does() -> None:
    assert as_cron("0 0 3 ? * 1,7") == "0 0 3 * * 0,6"
    assert as_cron("0 0 3 ? * 2#1") == "0 0 3 * * 1#1"


def taken(
    name: str, trigger: str, age_hours: float, state: str = "COMPLETED", kind: str = "SAVEPOINT"
) -> FlinkStateSnapshot:
    at = moment(SUNDAY - round(age_hours * 3_600_000))
    return FlinkStateSnapshot.from_wire(
        {
            "metadata": {
                "name": name,
                "labels": {"snapshot.type": kind, "snapshot.trigger-type": trigger},
                "creationTimestamp": at,
            },
            "status": {"state": state, "resultTimestamp": at, "path": f"s3://sp/{name}"},
        }
    )


def names(found: list[FlinkStateSnapshot]) -> list[str]:
    return sorted(each.metadata.name for each in found)


def test_old_snapshots_go_and_the_newest_and_those_by_hand_stay() -> None:
    there = [
        taken("newest", "PERIODIC", 30),
        taken("older", "UPGRADE", 31),
        taken("by-hand", "MANUAL", 99),
        taken("failed", "PERIODIC", 29, "FAILED"),
        taken("pending", "PERIODIC", 40, "TRIGGER_PENDING"),
    ]
    assert names(removable(there, Keeping(), SUNDAY, None)) == ["failed", "older"]
    assert names(removable(there, Keeping(), SUNDAY, "s3://sp/older/")) == ["failed"], "the job needs it"


def test_too_many_go() -> None:
    there = [taken(f"s{index}", "PERIODIC", index) for index in range(5)]
    there += [taken(f"c{index}", "PERIODIC", index, kind="CHECKPOINT") for index in range(3)]
    kept = Keeping(savepoints=3, age=timedelta(days=1), checkpoints=1)
    assert names(removable(there, kept, SUNDAY, None)) == ["c1", "c2", "s3", "s4"]


def test_installation_limits_what_is_kept() -> None:
    keys = {
        "kubernetes.operator.savepoint.history.max.count": "50",
        "kubernetes.operator.savepoint.history.max.age": "10 d",
        "state.checkpoints.num-retained": "3",
    }
    installed = {
        "kubernetes.operator.savepoint.history.max.count.threshold": "5",
        "kubernetes.operator.savepoint.history.max.age.threshold": "2 d",
    }
    assert keeping_of(keys, Values({})) == Keeping(50, timedelta(days=10), 3)
    assert keeping_of(keys, Values(installed)) == Keeping(5, timedelta(days=2), 3)


def started(world: World) -> None:
    world.defaults = {"kubernetes.operator.deployment.stability.window": "0 s"}
    world.resource = world.resource.model_copy(
        update={
            "metadata": world.resource.metadata.model_copy(update={"creation_timestamp": moment(world.clock)})
        }
    )
    world.settle()


def options(**found: str) -> Callable[[dict[str, Any]], None]:
    keys = {f"kubernetes.operator.{key.replace('_', '.')}": value for key, value in found.items()}
    return lambda spec: spec["flinkConfiguration"].update(keys)


def test_snapshot_resource_of_a_nonce(world: World) -> None:
    started(world)
    world.edit(lambda spec: spec["job"].update(savepointTriggerNonce=1, checkpointTriggerNonce=1))
    world.crash_before = "after"
    first = world.turn()
    again = world.turn()
    world.settle()
    wanted = [action for plan in (first, again) for action in plan.actions]
    assert [(each.trigger, each.nonce) for each in wanted if isinstance(each, TakeSnapshot)] == [
        ("MANUAL", 1),
        ("MANUAL", 1),
    ], "lost before it was noted, it is asked for again under the same nonce"
    assert [each.is_checkpoint for each in world.snapshots_asked] == [False, False, True]
    before = len(world.snapshots_asked)
    world.settle()
    assert len(world.snapshots_asked) == before


def test_snapshot_resource_by_the_clock(world: World) -> None:
    world.edit(options(periodic_savepoint_interval="1 h", periodic_checkpoint_interval="2 h"))
    started(world)
    begun = world.clock
    for _ in range(4):
        world.clock += 3_600_000
        world.settle()
    kinds = [each.is_checkpoint for each in world.snapshots_asked]
    assert (kinds.count(False), kinds.count(True)) == (4, 2)
    assert all(each.trigger == "PERIODIC" for each in world.snapshots_asked)
    assert begun + 3_500_000 < world.snapshots_asked[0].at <= begun + 3_600_000


def test_snapshot_in_the_status_by_the_clock_where_there_are_no_resources(world: World) -> None:
    world.edit(options(periodic_savepoint_interval="1 h", snapshot_resource_enabled="false"))
    started(world)
    world.clock += 3_600_000
    world.settle()
    info = world.resource.status.job_status.savepoint_info
    assert world.snapshots_asked == []
    assert info is not None
    assert info.last_savepoint is not None
    assert info.last_savepoint.trigger_type == "PERIODIC"
    assert info.last_periodic_savepoint_timestamp > 0


def test_snapshot_resource_of_an_upgrade_exists_already(world: World) -> None:
    started(world)
    world.edit(lambda spec: spec["job"].update(args=["--fast"]))
    world.settle()
    asked = {each.location: each for each in world.snapshots_asked}
    (only,) = asked.values()
    assert only.trigger == "UPGRADE"
    assert only.location == world.resource.status.job_status.upgrade_savepoint_path
    assert len({each.at for each in world.snapshots_asked}) == 1, "one name, so one resource"
