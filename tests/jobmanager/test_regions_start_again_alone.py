"""A failure in one region of a job: the others run on, and every split is read by somebody, once."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.control.messages import AddSplits, DeployTasks, Failure, TaskState, TriggerCheckpoint
from penstock.graph.jobgraph import JobGraph, Partitioner
from penstock.jobmanager import effects, events
from penstock.jobmanager.handed_out import HandedOut
from penstock.jobmanager.regions import region_of
from penstock.jobmanager.status import JobStatus
from tests.jobmanager.job_world import SINK, SOURCE, World, graph

SETTINGS = {
    "execution.checkpointing.interval": "10 s",
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "2",
}
SECOND = {(SOURCE, 1), (SINK, 1)}


def forward() -> JobGraph:
    """Two lines side by side, each in a slot of its own."""
    whole = graph()
    edges = [whole.edges[0].model_copy(update={"partitioner": Partitioner.FORWARD})]
    return whole.model_copy(update={"edges": edges})


def running(**settings: str) -> World:
    world = World({**SETTINGS, **settings}, job_graph=forward())
    world.start()
    world.sleep(10_000)
    assert [metadata.checkpoint_id for metadata in world.written] == [1]
    return world


def fail_second(world: World, reason: str | None = None) -> None:
    failure = Failure(exception="ValueError", message="boom", reason=reason)
    world.task(SINK, 1, TaskState.FAILED, failure)


def hand_out(world: World, index: int, *names: str) -> None:
    splits = [{"id": name} for name in names]
    world.handle(events.SplitsAssigned(world.job.base_attempt, SOURCE, {index: splits}, no_more=False))


def test_region_is_what_exchanges_records_or_shares_a_slot() -> None:
    apart = {(SOURCE, 0): "a", (SINK, 0): "a", (SOURCE, 1): "b", (SINK, 1): "b"}
    assert region_of(forward(), apart, [(SINK, 1)]) == SECOND
    assert region_of(graph(), apart, [(SINK, 1)]) == set(apart)
    together = dict.fromkeys(apart, "a")
    assert region_of(forward(), together, [(SINK, 1)]) == set(apart)


def test_other_region_runs_on_while_one_starts_again() -> None:
    world = running()
    kept = world.job.executions[SOURCE, 0].slot_id
    lost = world.job.executions[SOURCE, 1].slot_id
    world.returned.clear()
    hand_out(world, 1, "new")
    hand_out(world, 0, "other")
    fail_second(world)
    assert world.status() is JobStatus.RUNNING
    assert world.released == [lost]
    assert not world.commands("cancel")
    world.sleep(1_000)
    world.comes_up = False
    world.offer(1)
    (deployment,) = (c for c in world.sent if isinstance(c, DeployTasks) and c.attempt == 2)
    assert {(task.vertex_id, task.index) for task in deployment.tasks} == SECOND
    assert deployment.restored_checkpoint_id == 1
    assert world.returned == [effects.ReturnSplits(SOURCE, (1,), ({"id": "s1"}, {"id": "new"}))]
    world.sleep(20_000)
    assert len(world.written) == 1, "no checkpoint while the region is down"
    for vertex_id, index in SECOND:
        world.task(vertex_id, index, TaskState.RUNNING)
    assert world.job.region is None
    assert world.job.executions[SOURCE, 0].slot_id == kept
    world.sleep(10_000)
    triggers = {c.attempt for c in world.sent if isinstance(c, TriggerCheckpoint) and c.checkpoint_id == 2}
    assert triggers == {1, 2}, "each slot hears its own attempt"
    assert [(m.checkpoint_id, m.attempt) for m in world.written] == [(1, 1), (2, 2)]
    assert world.job.restarts == 1
    assert [status for _, status in world.job.history] == ["INITIALIZING", "CREATED", "RUNNING"]


def test_splits_come_back_of_the_sources_of_the_region_and_of_no_other() -> None:
    other = "d" * 32
    (source,) = (vertex for vertex in graph(1).vertices if vertex.source is not None)
    operator = source.operators[0].model_copy(update={"uid": "other", "operator_id": other})
    apart = {"id": other, "operators": [operator], "slot_sharing_group": "other"}
    pipelines = graph(1).model_copy(
        update={"vertices": [source, source.model_copy(update=apart)], "edges": []}
    )
    world = World(SETTINGS, job_graph=pipelines)
    world.start()
    world.sleep(10_000)
    assert [metadata.checkpoint_id for metadata in world.written] == [1]
    world.returned.clear()
    world.task(other, 0, TaskState.FAILED, Failure(exception="ValueError", message="boom"))
    world.sleep(1_000)
    world.offer(1)
    assert [effect.vertex_id for effect in world.returned] == [other]


def test_splits_go_to_tasks_of_both_attempts() -> None:
    world = running()
    fail_second(world)
    world.sleep(1_000)
    world.offer(1)
    world.sent.clear()
    hand_out(world, 0, "a")
    hand_out(world, 1, "b")
    sent = [c for c in world.sent if isinstance(c, AddSplits)]
    assert [(c.subtask.index, c.subtask.attempt) for c in sent] == [(0, 1), (1, 2)]


def test_second_failure_of_a_region_takes_the_whole_job_until_there_is_a_newer_checkpoint() -> None:
    world = running()
    fail_second(world)
    world.sleep(1_000)
    world.offer(1)
    assert world.job.region is None
    fail_second(world)
    assert world.status() is JobStatus.FAILING


def test_failure_elsewhere_meanwhile_takes_the_whole_job() -> None:
    world = running()
    fail_second(world)
    world.task(SOURCE, 1, TaskState.FAILED, Failure(exception="E", message="of the same region"))
    assert world.status() is JobStatus.RUNNING
    assert [record.failure.message for record in world.job.failures[0].concurrent] == ["of the same region"]
    world.task(SINK, 0, TaskState.FAILED, Failure(exception="E", message="of the other"))
    assert world.status() is JobStatus.FAILING
    world.tasks(TaskState.CANCELED)
    world.sleep(1_000)
    world.offer(2)
    assert world.status() is JobStatus.RUNNING
    assert {execution.attempt for execution in world.job.executions.values()} == {2}


def test_lost_slot_takes_its_region_only() -> None:
    world = running()
    lost = world.job.executions[SOURCE, 1].slot_id
    world.handle(events.SlotsGone((lost,), "killed by SIGKILL"))
    assert world.status() is JobStatus.RUNNING
    assert world.released == []
    world.sleep(1_000)
    world.offer(1)
    assert all(e.state is TaskState.RUNNING for e in world.job.executions.values())


def test_what_cannot_be_told_apart_starts_as_a_whole() -> None:
    full = running(**{"jobmanager.execution.failover-strategy": "full"})
    fail_second(full)
    assert full.status() is JobStatus.FAILING
    fatal = running()
    fail_second(fatal, reason="StateIncompatible")
    assert fatal.status() is JobStatus.FAILING
    early = World(SETTINGS, job_graph=forward())
    early.start()
    fail_second(early)
    assert early.status() is JobStatus.FAILING, "there is no checkpoint to restore"


def test_slots_that_do_not_come_fail_the_job() -> None:
    world = running(**{"slot.request.timeout": "30 s"})
    fail_second(world)
    world.sleep(1_000)
    world.sleep(29_999)
    assert world.status() is JobStatus.RUNNING
    world.sleep(1)
    assert world.status() is JobStatus.FAILING


def test_splits_are_held_by_the_checkpoint_after_their_hand_out() -> None:
    out = HandedOut()
    out.give((SOURCE, 0), [{"id": "a"}])
    out.snapshotted(1)
    out.give((SOURCE, 0), [{"id": "b"}])
    out.give((SOURCE, 1), [{"id": "c"}])
    out.completed(1)
    assert out.take_back({(SOURCE, 0)}) == {SOURCE: [{"id": "b"}]}
    assert out.take_back({(SOURCE, 0)}) == {}
    out.snapshotted(2)
    out.snapshotted(3)
    out.completed(2)
    assert out.take_back({(SOURCE, 1)}) == {}


STEPS = st.sampled_from(
    ["fail-0", "fail-1", "cancel-tasks", "sleep", "offer", "gone", "savepoint", "stop", "finish"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
@example(["fail-0", "offer", "finish", "sleep", "sleep", "fail-0", "finish"])
def test_any_order_of_events_keeps_regions_sound(steps: list[str]) -> None:
    world = World(SETTINGS, job_graph=forward())
    world.start()
    for number, step in enumerate(steps):
        if step.startswith("fail"):
            failure = Failure(exception="ValueError", message=step)
            world.task(SINK, int(step[-1]), TaskState.FAILED, failure)
        elif step == "cancel-tasks":
            world.tasks(TaskState.CANCELED)
        elif step == "sleep":
            world.sleep(10_000)
        elif step == "offer":
            world.offer(2)
        elif step == "gone":
            world.handle(events.SlotsGone(tuple(world.job.slots)[:1], "gone"))
        elif step == "finish":
            world.tasks(TaskState.FINISHED)
        else:
            world.handle(events.SnapshotWanted(f"{number:032x}", True, None, stop=step == "stop"))
        job = world.job
        ids = [metadata.checkpoint_id for metadata in world.written]
        assert ids == sorted(set(ids))
        assert job.region is None or job.status is JobStatus.RUNNING
        if job.status is JobStatus.RUNNING and job.region is None:
            used = {e.slot_id for e in job.executions.values() if e.state is TaskState.RUNNING}
            assert used <= set(job.slots)
        if job.status.is_terminal:
            assert not job.slots
            assert all(state.is_done for state in job.coordinator.requests.values())
