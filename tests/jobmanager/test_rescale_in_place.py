"""A running job at another parallelism: what the machine does, without clock or I/O."""

import pytest

from penstock.control.messages import DeployTasks, TaskState, TriggerCheckpoint
from penstock.graph.jobgraph import Partitioner
from penstock.jobmanager import events
from penstock.jobmanager.requirements import Bounds, fit, initial_requirements, problems_of
from penstock.jobmanager.status import JobStatus
from tests.jobmanager.job_world import SINK, SOURCE, World, graph

ADAPTIVE = {"jobmanager.scheduler": "adaptive", "execution.checkpointing.interval": "10 s"}
RESTARTS = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "3"}


def wanted(lower: int, upper: int) -> dict[str, Bounds]:
    return {SOURCE: Bounds(lower, upper), SINK: Bounds(lower, upper)}


def rescale(world: World, upper: int, lower: int = 1) -> None:
    world.handle(events.RequirementsChanged(wanted(lower, upper)))


def deployed(world: World) -> list[DeployTasks]:
    return [command for command in world.sent if isinstance(command, DeployTasks)]


def test_job_stops_with_a_checkpoint_and_goes_on_wider_in_its_own_slots() -> None:
    world = World(ADAPTIVE)
    world.start(slots=3)
    before = set(world.job.slots)
    rescale(world, 3)
    triggers = [command for command in world.sent if isinstance(command, TriggerCheckpoint)]
    assert triggers
    assert all(trigger.stop and not trigger.is_savepoint for trigger in triggers)
    assert world.status() is JobStatus.RUNNING
    world.tasks(TaskState.FINISHED)
    assert world.status() is JobStatus.RUNNING
    assert [status for _, status in world.job.history][-3:] == ["RESTARTING", "CREATED", "RUNNING"]
    assert before < set(world.job.slots)
    assert not world.released
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {3}
    assert world.job.restored is not None
    assert world.job.restored.metadata.checkpoint_id == 1
    assert {deployment.attempt for deployment in deployed(world)} == {1, 2}
    assert world.job.restarts == 0


def test_job_runs_on_until_new_slots_have_loaded_its_code() -> None:
    world = World(ADAPTIVE, warms_up=False)
    world.start(slots=4)
    rescale(world, 4)
    assert len(world.commands("warm-up")) == 2
    world.sleep(1_000)
    assert not world.commands("trigger-checkpoint")
    fresh = [slot_id for slot_id in world.job.slots if slot_id in ("slot-2", "slot-3")]
    world.handle(events.SlotsGone((fresh[0],), "its process died"))
    assert not world.commands("trigger-checkpoint")
    world.sleep(20_000)
    world.tasks(TaskState.FINISHED)
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {3}


def test_narrower_job_gives_slots_back_after_a_while() -> None:
    world = World({**ADAPTIVE, "slot.idle.timeout": "5 s"})
    world.start(slots=2)
    first, second = world.job.slots
    world.comes_up = False
    rescale(world, 1)
    world.tasks(TaskState.FINISHED)
    assert world.status() is JobStatus.CREATED
    assert not world.released
    world.tasks(TaskState.RUNNING)
    world.sleep(4_999)
    assert not world.released, "the job may want it again"
    world.sleep(1)
    assert world.released == [second]
    assert list(world.job.slots) == [first]


def test_slot_that_waits_to_be_given_back_is_taken_again_without_a_warm_up() -> None:
    world = World(ADAPTIVE)
    world.start(slots=2)
    rescale(world, 1)
    world.tasks(TaskState.FINISHED)
    rescale(world, 2)
    world.tasks(TaskState.FINISHED)
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {2}
    assert not world.commands("warm-up")
    world.sleep(60_000)
    assert not world.released


def test_without_slots_the_job_stays_and_grows_when_they_come() -> None:
    world = World(ADAPTIVE)
    world.start(slots=2)
    rescale(world, 4)
    assert not world.commands("trigger-checkpoint")
    world.sleep(5_000)
    world.offer(1)
    assert not world.commands("trigger-checkpoint"), "more may come"
    world.sleep(60_000)
    world.tasks(TaskState.FINISHED)
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {3}


def test_slots_that_come_are_taken_after_the_cool_down() -> None:
    world = World(ADAPTIVE)
    world.start(slots=1)
    assert world.status() is JobStatus.CREATED, "two are wanted: one may come"
    world.sleep(10_000)
    assert world.status() is JobStatus.RUNNING
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {1}
    world.now += 1_000
    world.offer(1)
    assert world.job.rescale is None
    world.sleep(30_000)
    assert world.job.rescale is not None


def test_lost_slot_leaves_the_job_running_at_what_is_left() -> None:
    world = World({**ADAPTIVE, **RESTARTS})
    world.start(slots=2)
    world.sleep(10_000)
    lost = next(iter(world.job.slots))
    world.handle(events.SlotsGone((lost,), "its host is gone"))
    world.tasks(TaskState.CANCELED)
    world.sleep(1_000)
    world.offer(1)
    world.sleep(10_000)
    assert world.status() is JobStatus.RUNNING
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {1}


def test_failed_checkpoint_falls_back_to_the_newest_one() -> None:
    world = World(ADAPTIVE)
    world.start(slots=3)
    world.sleep(10_000)
    world.acknowledges = False
    rescale(world, 3)
    world.sleep(600_000)
    assert world.status() is JobStatus.RUNNING
    assert world.commands("cancel")
    world.tasks(TaskState.CANCELED)
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {3}
    assert world.job.restored is not None
    assert world.job.restored.metadata.checkpoint_id == 1


def test_failed_checkpoint_of_a_job_without_any_leaves_it_as_it_is() -> None:
    world = World({"jobmanager.scheduler": "adaptive"}, acknowledges=False)
    world.start(slots=3)
    rescale(world, 3)
    world.sleep(600_000)
    assert world.status() is JobStatus.RUNNING
    assert world.job.rescale is None
    assert not world.commands("cancel")
    assert "expired" in str(world.job.rescales[0].failure)


def test_failure_during_a_rescale_is_handled_as_any_other() -> None:
    world = World({**ADAPTIVE, **RESTARTS})
    world.start(slots=3)
    rescale(world, 3)
    world.fail_task()
    assert world.status() is JobStatus.FAILING
    world.tasks(TaskState.CANCELED)
    world.sleep(1_000)
    world.offer(3)
    assert world.status() is JobStatus.RUNNING
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {3}


def test_savepoint_asked_for_meanwhile_is_taken_afterwards() -> None:
    world = World(ADAPTIVE)
    world.start(slots=3)
    rescale(world, 3)
    world.handle(events.SnapshotWanted("d" * 32, True))
    state = world.job.coordinator.requests["d" * 32]
    assert not state.is_done
    world.tasks(TaskState.FINISHED)
    assert state.location is not None
    assert state.failure is None


def test_tasks_that_do_not_end_go_with_their_slots() -> None:
    world = World(ADAPTIVE)
    world.start(slots=4)
    stuck = set(world.job.slots)
    rescale(world, 3)
    world.sleep(600_000)
    world.sleep(10_000)
    assert stuck == set(world.released)
    assert world.status() is JobStatus.CREATED
    world.sleep(10_000)
    assert {vertex.parallelism for vertex in world.job.graph.vertices} == {2}


def test_default_scheduler_never_starts_a_job_narrower_than_it_was_submitted() -> None:
    world = World({})
    world.start(slots=1)
    world.sleep(200_000)
    assert world.status() is JobStatus.CREATED
    world.sleep(200_000)
    assert world.job.failure is not None
    assert "needs 2 slots" in world.job.failure.message


def test_requirements_that_cannot_be_are_named() -> None:
    job_graph = graph()
    assert not problems_of(job_graph, wanted(1, 128))
    unknown = problems_of(job_graph, {"f" * 32: Bounds(1, 1)})
    assert any("was not found" in text for text in unknown)
    assert sum("missing job vertex" in text for text in unknown) == 2
    assert all("above its maximum parallelism 128" in text for text in problems_of(job_graph, wanted(1, 129)))
    assert all("above its upper bound" in text for text in problems_of(job_graph, wanted(3, 2)))
    assert all("not above 0" in text for text in problems_of(job_graph, wanted(0, 2)))


def test_forward_edges_keep_their_ends_equally_parallel() -> None:
    job_graph = graph()
    edges = [job_graph.edges[0].model_copy(update={"partitioner": Partitioner.FORWARD})]
    joined = job_graph.model_copy(update={"edges": edges})
    bounds = {SOURCE: Bounds(1, 4), SINK: Bounds(1, 2)}
    assert fit(joined, bounds, None) == {SOURCE: 2, SINK: 2}
    assert fit(job_graph, bounds, None) == {SOURCE: 4, SINK: 2}
    problems = problems_of(joined, {SOURCE: Bounds(3, 4), SINK: Bounds(1, 2)})
    assert all("FORWARD" in text for text in problems)
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("slots", "expected"), [(1, None), (2, (1, 1)), (3, (2, 1)), (4, (2, 2)), (9, (2, 2))]
)
def test_groups_share_the_slots_that_are_there(slots: int, expected: tuple[int, int] | None) -> None:
    job_graph = graph()
    own = job_graph.vertices[1].model_copy(update={"slot_sharing_group": "own"})
    grouped = job_graph.model_copy(update={"vertices": [job_graph.vertices[0], own]})
    found = fit(grouped, initial_requirements(grouped, is_adaptive=True), slots)
    assert (None if found is None else (found[SOURCE], found[SINK])) == expected
