"""An idle job goes to zero and comes back, decision by decision; the operator may die at every step of it."""

import copy
from dataclasses import dataclass, replace

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, Idle
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.decide.scale_to_zero import Sight, decide_zero
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.kafka import LagAnswer, SourceLag
from tests.operator.simulation import BASE, World
from tests.operator.test_health_for_gitops import judged

OPTIONS = AutoscalerOptions.from_keys(
    {
        "job.autoscaler.mode": "active",
        "job.autoscaler.scale-to-zero.enabled": "true",
        "job.autoscaler.scale-to-zero.idle-timeout": "10 s",
        "job.autoscaler.scale-to-zero.blind-timeout": "1 min",
        "job.autoscaler.scale-to-zero.stop-timeout": "2 min",
    }
)


@dataclass
class ZeroWorld(World):
    """A world with an autoscaler that looks at Kafka in every turn, and knows nothing but the status and what it sees."""

    is_idle: bool = False
    waits: int = 0
    kafka: str | None = None
    """Why Kafka cannot be read."""
    blind_since: float = 0.0

    def facts(self) -> Facts:
        found = super().facts()
        status = self.resource.status
        now = self.clock / 1000
        wanted = self.resource.spec.job
        answer = LagAnswer(now, (SourceLag("s", "clicks", self.waits, 8),), self.kafka)
        self.blind_since = (self.blind_since or now) if self.kafka else 0.0
        sight = Sight(
            now=now,
            generation=self.resource.metadata.generation or 0,
            wants_running=wanted is not None and wanted.state is JobState.RUNNING,
            is_running=status.job_status.state is FlinkJobState.RUNNING and not status.pending_savepoint,
            is_stopped=status.lifecycle_state is LifecycleState.SUSPENDED,
            quiet=Idle(since="2027-01-01T00:00:00Z", records=7) if self.is_idle else None,
            answer=answer,
            blind_since=self.blind_since,
        )
        held = status.autoscaler or AutoscalerStatus(mode="active")
        self.lines += [f"   the autoscaler: {one.message}" for one in decide_zero(held, sight, OPTIONS)[1]]
        return replace(found, autoscaler=decide_zero(held, sight, OPTIONS)[0])


@pytest.fixture
def world() -> ZeroWorld:
    return ZeroWorld(FlinkDeployment.from_wire(copy.deepcopy(BASE)))


def at_zero(world: ZeroWorld) -> ZeroWorld:
    world.settle()
    world.complete_checkpoint()
    world.settle()
    world.say("nothing comes any more")
    world.is_idle = True
    world.settle()
    world.is_idle = False
    return world


def zero_of(world: ZeroWorld):
    found = world.resource.status.autoscaler
    return found.scaled_to_zero if found else None


def test_zero_idle_job_goes_and_a_record_brings_it_back(world: ZeroWorld, golden) -> None:
    at_zero(world)
    status = world.resource.status
    assert world.processes == 0
    assert status.lifecycle_state is LifecycleState.SUSPENDED
    assert world.resource.spec.job is not None
    assert world.resource.spec.job.state is JobState.RUNNING, "the spec is never edited"
    assert {one.type: one.reason for one in status.conditions}["Ready"] == Reason.SCALED_TO_ZERO
    assert judged(world) == ("Healthy", "Current")
    assert len(world.locations) == 1
    world.say("a record comes")
    world.waits = 1
    world.settle()
    assert world.resource.status.job_status.state is FlinkJobState.RUNNING
    assert world.resource.status.job_status.upgrade_savepoint_path == next(iter(world.locations.values()))
    assert zero_of(world) is None
    golden(world)


@pytest.mark.parametrize("point", ["status", "act", "after"])
def test_zero_operator_dies_in_every_step(world: ZeroWorld, golden, point: str) -> None:
    world.settle()
    world.complete_checkpoint()
    world.is_idle = True
    for _ in range(10):
        world.crash_before = point
        world.turn()
        world.turn()
    assert (world.processes, len(world.locations)) == (0, 1), "one stop takes one savepoint"
    world.is_idle, world.waits = False, 5
    for _ in range(10):
        world.crash_before = point
        world.turn()
        world.turn()
    world.settle()
    status = world.resource.status
    assert status.lifecycle_state is LifecycleState.STABLE
    assert status.job_status.upgrade_savepoint_path == next(iter(world.locations.values()))
    assert zero_of(world) is None
    golden(world)


def test_zero_owner_who_suspends_has_the_last_word(world: ZeroWorld) -> None:
    at_zero(world)
    world.edit(lambda spec: spec["job"].update(state="suspended"))
    world.waits = 1000
    world.settle()
    assert world.processes == 0
    assert zero_of(world) is None
    assert judged(world)[0] == "Suspended"
    world.edit(lambda spec: spec["job"].update(state="running"))
    world.settle()
    assert world.resource.status.job_status.state is FlinkJobState.RUNNING


def test_zero_changed_spec_wakes_the_job_with_the_change(world: ZeroWorld) -> None:
    at_zero(world)
    world.edit(lambda spec: spec["job"].update(jarURI="local:///opt/job2.py"))
    world.settle()
    status = world.resource.status
    assert status.job_status.state is FlinkJobState.RUNNING
    assert status.lifecycle_state is LifecycleState.STABLE
    assert world.launched is not None
    assert world.launched.spec.job is not None
    assert world.launched.spec.job.jar_uri == "local:///opt/job2.py"
    assert status.job_status.upgrade_savepoint_path == next(iter(world.locations.values()))


def test_zero_refused_spec_wakes_the_last_good_job(world: ZeroWorld) -> None:
    at_zero(world)
    world.edit(lambda spec: spec["job"].update(parallelism=-1))
    world.problems = (Problem(Reason.VALIDATION_ERROR, "no"),)
    world.settle()
    assert world.resource.status.job_status.state is FlinkJobState.RUNNING
    assert zero_of(world) is None


def test_zero_job_whose_lag_cannot_be_read_is_not_stopped(world: ZeroWorld) -> None:
    world.settle()
    world.kafka, world.is_idle = "no broker answers", True
    world.settle()
    autoscaler = world.resource.status.autoscaler
    assert world.resource.status.job_status.state is FlinkJobState.RUNNING
    assert autoscaler is not None
    assert autoscaler.zero_held is not None
    assert autoscaler.zero_held.reason == Reason.LAG_UNREADABLE
    assert "no broker answers" in autoscaler.zero_held.message


def test_zero_job_comes_back_where_the_lag_cannot_be_read_for_too_long(world: ZeroWorld) -> None:
    at_zero(world)
    world.kafka = "no broker answers"
    world.pass_time(50)
    assert world.processes == 0
    world.pass_time(60)
    world.settle()
    assert world.resource.status.job_status.state is FlinkJobState.RUNNING


def test_zero_job_that_cannot_be_stopped_in_time_runs_on(world: ZeroWorld) -> None:
    world.settle()
    world.complete_checkpoint()
    world.savepoints_wait, world.is_idle = True, True
    world.turn()
    world.turn()
    world.is_idle = False
    assert zero_of(world) is not None
    world.pass_time(130)
    found = zero_of(world)
    assert found is None or found.waking_since is not None
    world.savepoints_wait = False
    world.settle()
    assert world.resource.status.job_status.state is FlinkJobState.RUNNING
    assert zero_of(world) is None


def test_zero_job_that_is_at_work_on_what_it_read_is_not_stopped() -> None:
    """A call of it that does not return: nothing is read, nothing written, and nothing waits in Kafka."""
    now = 1_800_000_000.0
    quiet = Idle(since="2026-01-01T00:00:00Z")
    sight = Sight(now, 1, True, True, is_at_work=True, quiet=quiet, answer=LagAnswer(now))
    status, said = decide_zero(AutoscalerStatus(mode="active"), sight, OPTIONS)
    assert status.scaled_to_zero is None
    assert status.zero_held is not None
    assert status.zero_held.guard == "work"
    assert [one.reason for one in said] == [Reason.SCALE_TO_ZERO_REFUSED]
    status, _ = decide_zero(status, replace(sight, is_at_work=False), OPTIONS)
    assert status.scaled_to_zero is not None


def test_zero_stateless_job_is_never_stopped(world: ZeroWorld) -> None:
    keys = {"job.autoscaler.mode": "active", "job.autoscaler.scale-to-zero.enabled": "true"}
    quiet = Idle(since="2026-01-01T00:00:00Z")
    sight = Sight(
        1_800_000_000.0, 1, True, True, is_stateless=True, quiet=quiet, answer=LagAnswer(1_800_000_000.0)
    )
    status, said = decide_zero(AutoscalerStatus(mode="active"), sight, AutoscalerOptions.from_keys(keys))
    assert status.scaled_to_zero is None
    assert [one.reason for one in said] == [Reason.SCALE_TO_ZERO_REFUSED]
    again, said = decide_zero(status, sight, AutoscalerOptions.from_keys(keys))
    assert (again, said) == (status, ()), "it is said once"
