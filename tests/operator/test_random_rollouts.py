"""Random owners, faults and crashes of the operator: no state is lost, no two attempts run, and it settles in the end."""

import copy
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.model.plan import Deploy
from tests.operator.simulation import BASE, World, problem


class CheckedWorld(World):
    """Asserts at every start that the newest state of the line is what is restored."""

    def _act(self, action: object) -> None:
        if isinstance(action, Deploy) and (not self.jm or self.is_waited_for(action.launch.name)):
            ids = self.resource.status.job_status.job_ids
            mine = [snapshot for snapshot in self.snapshots if snapshot.job_id in ids]
            newest = max((snapshot.checkpoint_id for snapshot in mine), default=0)
            # A JobManager restores the newest checkpoint of its own id; the path counts while there is none.
            own = [s.checkpoint_id for s in mine if s.job_id == action.launch.job_id and not s.is_savepoint]
            named = [s.checkpoint_id for s in self.snapshots if s.path == action.launch.from_savepoint]
            assert max(own or named, default=0) == newest, "a start passes over newer state"
            assert self.resource.status.job_status.job_id == action.launch.job_id, (
                "an id that was not recorded"
            )
        super()._act(action)


def strategy(name: str) -> Callable[[World], None]:
    return lambda world: world.edit(lambda spec: spec.update(upgradeStrategy=name))


def job(**fields: object) -> Callable[[World], None]:
    return lambda world: world.edit(lambda spec: spec["job"].update(fields))


def option(key: str, value: str) -> Callable[[World], None]:
    written = {f"kubernetes.operator.{key}": value}
    return lambda world: world.edit(lambda spec: spec["flinkConfiguration"].update(written))


def cancel(world: World) -> None:
    if world.job is FlinkJobState.RUNNING:
        world.job = FlinkJobState.CANCELLING


def later(world: World) -> None:
    world.clock += 200_000


def put(**attributes: object) -> Callable[[World], None]:
    def change(world: World) -> None:
        for name, value in attributes.items():
            setattr(world, name, value)

    return change


def complete_checkpoint(world: World) -> None:
    if world.jm and world.job is FlinkJobState.RUNNING:
        world.complete_checkpoint()


def fail(world: World) -> None:
    if world.job is FlinkJobState.RUNNING:
        world.job = FlinkJobState.FAILED


def die_before(point: str) -> Callable[[World], None]:
    def die(world: World) -> None:
        world.crash_before = point
        world.turn()

    return die


HAPPENINGS: dict[str, Callable[[World], None]] = {
    "checkpoint": complete_checkpoint,
    "suspend": job(state="suspended"),
    "resume": job(state="running"),
    "savepoint mode": job(upgradeMode="savepoint"),
    "last-state mode": job(upgradeMode="last-state"),
    "lose processes": World.lose_processes,
    "lose JobManager": put(jm=False),
    "lose TaskManagers": put(tm=False),
    "fail": fail,
    "unreachable": put(unreachable=True),
    "reachable": put(unreachable=False),
    "savepoints fail": put(savepoints_fail="AccessDenied"),
    "savepoints work": put(savepoints_fail=None),
    "die before status": die_before("status"),
    "die before act": die_before("act"),
    "die before after": die_before("after"),
    "wider": job(parallelism=4),
    "narrower": job(parallelism=2),
    "scaling is refused": put(scaling_is="refused"),
    "scaling is stuck": put(scaling_is="stuck"),
    "scaling is possible": put(scaling_is="possible"),
    "others are upgraded": put(upgrades_ahead=2),
    "nobody is upgraded": put(upgrades_ahead=0),
    "may be cancelled": option("job.upgrade.last-state.job-cancel.enabled", "true"),
    "no fallback": option("job.upgrade.last-state-fallback.enabled", "false"),
    "is cancelled": cancel,
    "stop at once": job(stopPolicy="none"),
    "stop as the mode says": job(stopPolicy=None),
    "warm": strategy("Warm"),
    "recreate": strategy("Recreate"),
    "no room": put(room=problem(Reason.WARM_UPGRADE_NOT_POSSIBLE)),
    "room": put(room=None),
    "no node": put(waiting_problem=problem(Reason.POD_NOT_SCHEDULED)),
    "a node": put(waiting_problem=None),
    "no such program": put(waiting_failure=problem(Reason.ARTIFACT_NOT_FOUND)),
    "a program": put(waiting_failure=None),
    "minutes pass": later,
    "turn": World.turn,
}


def do(world: World, word: str, number: int) -> None:
    if word == "change":
        job(args=[str(number)])(world)
    elif word == "manual savepoint":
        job(savepointTriggerNonce=number)(world)
    else:
        HAPPENINGS[word](world)


WORDS = [*HAPPENINGS, "change", "manual savepoint", "turn", "turn", "turn"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_no_rollout_loses_state_or_gets_stuck(words: list[str]) -> None:
    assert_all_is_well(words)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_no_warm_rollout_does_either(words: list[str]) -> None:
    assert_all_is_well(["warm", "turn", "turn", "turn", "checkpoint", "change", *words])


def assert_all_is_well(words: list[str]) -> None:
    world = CheckedWorld(FlinkDeployment.from_wire(copy.deepcopy(BASE)))
    for number, word in enumerate(words, start=1):
        do(world, word, number)
    world.unreachable, world.savepoints_fail = False, None
    world.upgrades_ahead, world.scaling_is = 0, "possible"
    world.room = world.waiting_problem = world.waiting_failure = None
    world.edit(lambda spec: spec["job"].update(state=JobState.RUNNING.value, args=["last"]))
    world.settle(limit=60)
    status = world.resource.status
    assert status.lifecycle_state is LifecycleState.STABLE, "\n".join(world.lines)
    assert status.job_status.state is FlinkJobState.RUNNING
    assert status.error is None
    assert status.pending_savepoint is None
    assert status.observed_generation == world.resource.metadata.generation
    assert world.resource.spec.job
    assert world.width == world.task_managers == world.resource.spec.job.parallelism
    assert world.other is None
    assert status.warm is None
