"""What a job's changes of parallelism look like over REST: Flink's fields, words and numbers; attempts of subtasks stay known."""

from pathlib import Path
from typing import Any

import pytest

from penstock.control.messages import TaskState
from penstock.jobmanager import events
from penstock.jobmanager.requirements import Bounds
from penstock.rest.rescales import brief, full, kind_of
from tests.jobmanager.job_world import SINK, SOURCE, World
from tests.rest.api_driver import JOB, VERTEX, Api, graph

ADAPTIVE = {"jobmanager.scheduler": "adaptive", "execution.checkpointing.interval": "10 s"}
RESTARTS = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "3"}


def wide(world: World, upper: int) -> None:
    world.handle(events.RequirementsChanged({SOURCE: Bounds(1, upper), SINK: Bounds(1, upper)}))


def rescaled() -> World:
    world = World(ADAPTIVE | RESTARTS)
    world.start(slots=3)
    world.now += 5
    wide(world, 3)
    world.now += 40
    world.tasks(TaskState.FINISHED)
    return world


def test_completed_change_names_vertices_slots_and_states() -> None:
    world = rescaled()
    (rescale,) = world.job.rescales
    assert kind_of(rescale) == "completed"
    found = full(world.job, rescale)
    assert found["terminalState"] == "COMPLETED"
    assert found["terminatedReason"] == "SUCCEEDED"
    assert found["triggerCause"] == "UPDATE_REQUIREMENT"
    assert found["endTimestampInMillis"] - found["startTimestampInMillis"] == 40
    sink = found["vertices"][SINK]
    assert (sink["preRescaleParallelism"], sink["postRescaleParallelism"]) == (2, 3)
    assert (sink["sufficientParallelism"], sink["desiredParallelism"]) == (1, 3)
    (slots,) = found["slots"].values()
    assert slots["slotSharingGroupId"] == sink["slotSharingGroupId"]
    assert (slots["minimalRequiredSlots"], slots["preRescaleSlots"], slots["postRescaleSlots"]) == (1, 2, 3)
    states = [span["state"] for span in found["schedulerStates"]]
    assert states == ["Executing", "Restarting", "CreatingExecutionGraph", "Executing"]
    assert found["schedulerStates"][-1]["leaveTimestampInMillis"] is None


def test_change_that_changes_nothing_is_ignored() -> None:
    world = rescaled()
    wide(world, 3)
    newest = world.job.rescales[0]
    assert kind_of(newest) == "ignored"
    assert brief(world.job, newest)["terminatedReason"] == "NO_RESOURCES_OR_PARALLELISMS_CHANGE"
    one, other = (brief(world.job, each) for each in world.job.rescales)
    assert one["resourceRequirementsUuid"] != other["resourceRequirementsUuid"]
    assert one["rescaleUuid"] != other["rescaleUuid"]


@pytest.mark.parametrize(
    ("what", "reason"), [("fail", "JOB_FAILOVER_RESTARTING"), ("cancel", "JOB_CANCELED")]
)
def test_change_that_something_else_ended_says_what(what: str, reason: str) -> None:
    world = World(ADAPTIVE | RESTARTS)
    world.start(slots=3)
    wide(world, 3)
    if what == "fail":
        world.fail_task()
    else:
        world.handle(events.CancelWanted())
    found = brief(world.job, world.job.rescales[0])
    assert (found["terminalState"], found["terminatedReason"]) == ("IGNORED", reason)


def test_more_slots_are_the_cause_where_nobody_asked() -> None:
    world = World(ADAPTIVE)
    world.start(slots=2)
    wide(world, 4)
    world.sleep(100_000)
    world.offer(2)
    world.sleep(100_000)
    newest = world.job.rescales[0]
    assert (newest.cause, newest.number, kind_of(newest)) == ("NEW_RESOURCE_AVAILABLE", 2, "inProgress")
    assert brief(world.job, newest)["endTimestampInMillis"] is None


def test_earlier_attempts_of_a_subtask_stay_known(tmp_path: Path) -> None:
    configuration: Any = {
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.delay": "1 ms",
    }
    api = Api(tmp_path, **configuration)
    try:
        api.submit(graph())
        api.add_taskmanager()
        job = api.master.jobs[JOB].machine.job
        failed = job.executions[VERTEX, 0]
        failed.move(TaskState.FAILED, job.created + 7)
        job.replace((VERTEX, 0))
        path = f"/jobs/{JOB}/vertices/{VERTEX}/subtasks/0/attempts"
        found = api.ask("GET", f"{path}/0").json()
        assert (found["attempt"], found["status"], found["end-time"]) == (0, "FAILED", job.created + 7)
        assert api.ask("GET", f"{path}/0/accumulators").json()["attempt"] == 0
        missing = api.ask("GET", f"{path}/3")
        assert missing.status_code == 404
        assert "known are 0" in missing.text
    finally:
        api.close()
