"""Random owners, faults and crashes with rollback and health checks on: what works runs in the end, from no foreign state."""

import copy
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState, RevisionOutcome
from penstock_operator.model.plan import Deploy
from tests.operator.simulation import BASE, World
from tests.operator.test_random_rollouts import complete_checkpoint, die_before, fail, put

OPTIONS = {
    "kubernetes.operator.deployment.rollback.enabled": "true",
    "kubernetes.operator.deployment.readiness.timeout": "1 min",
    "kubernetes.operator.cluster.health-check.enabled": "true",
    "kubernetes.operator.cluster.health-check.restarts.threshold": "3",
}


class TryingWorld(World):
    """Programs whose arguments say `bad` fail. What such a version wrote must never be what another one starts from."""

    def _act(self, action: object) -> None:
        if isinstance(action, Deploy) and not self.jm:
            is_bad = "bad" in action.launch.arguments
            self.starts_as = FlinkJobState.FAILED if is_bad else FlinkJobState.RUNNING
            status = self.resource.status
            assert status.job_status.job_id == action.launch.job_id, "an id that was not recorded"
            rollback = status.reconciliation_status.rollback
            if rollback is not None:
                assert not is_bad, "the rejected version runs"
        super()._act(action)


def args(word: str) -> Callable[[World, int], None]:
    return lambda world, number: world.edit(lambda spec: spec["job"].update(args=[word, str(number)]))


def of(happening: Callable[[World], None]) -> Callable[[World, int], None]:
    return lambda world, number: happening(world)


def restart(world: World) -> None:
    world.restarts += 1


HAPPENINGS: dict[str, Callable[[World, int], None]] = {
    "bad version": args("bad"),
    "good version": args("good"),
    "checkpoint": of(complete_checkpoint),
    "restart": of(restart),
    "time": of(lambda world: world.pass_time(30)),
    "fail": of(fail),
    "lose processes": of(World.lose_processes),
    "savepoints fail": of(put(savepoints_fail="AccessDenied")),
    "savepoints work": of(put(savepoints_fail=None)),
    "die before status": of(die_before("status")),
    "die before act": of(die_before("act")),
    "die before after": of(die_before("after")),
    "turn": of(World.turn),
}
WORDS = [*HAPPENINGS, "turn", "turn", "time"]


@pytest.mark.timeout(240)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_a_bad_version_never_stays(words: list[str]) -> None:
    body = copy.deepcopy(BASE)
    body["spec"]["flinkConfiguration"].update(OPTIONS)
    world = TryingWorld(FlinkDeployment.from_wire(body))
    world.settle()
    world.complete_checkpoint()
    for number, word in enumerate(words, start=1):
        HAPPENINGS[word](world, number)
    world.savepoints_fail = None
    args("bad")(world, 99)
    for _ in range(40):
        world.turn()
    status = world.resource.status
    lines = "\n".join(world.lines)
    assert status.lifecycle_state is LifecycleState.ROLLED_BACK, lines
    assert status.job_status.state is FlinkJobState.RUNNING, lines
    assert world.resource.spec.job is not None
    assert world.resource.spec.job.args == ["bad", "99"], "the owner's spec is never written"
    args("good")(world, 100)
    world.settle(limit=60)
    status = world.resource.status
    assert status.lifecycle_state is LifecycleState.STABLE, "\n".join(world.lines)
    assert status.error is None
    assert status.reconciliation_status.rollback is None
    assert status.history[-1].outcome is RevisionOutcome.STABLE
    numbers = [revision.number for revision in status.history]
    assert numbers == sorted(set(numbers))
    assert sum(revision.ended is None for revision in status.history) == 1
