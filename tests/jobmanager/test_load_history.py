"""The history of a job's load: a point now and then, and at each change; an hour, and no more."""

import pytest

from penstock.control.messages import TaskState
from penstock.jobmanager.job import Job
from penstock.jobmanager.load_history import KEPT_MS, MOST_POINTS, LoadHistory
from penstock.jobmanager.status import JobStatus
from tests.jobmanager.job_world import World


@pytest.fixture
def job() -> Job:
    """One that runs; seven records wait before each subtask of its source."""
    world = World({})
    world.start()
    world.tasks(TaskState.RUNNING)
    for (vertex, _), execution in world.job.executions.items():
        if vertex == world.job.graph.vertices[0].id:
            execution.metrics["pendingRecords"] = 7.0
    assert world.status() is JobStatus.RUNNING
    return world.job


def test_a_steady_job_has_a_point_each_interval(job: Job) -> None:
    history = LoadHistory()
    for now in range(0, 61_000, 500):
        history.look({job.id: job}, now)
    points = history.of(job.id)
    assert [one.at for one in points] == list(range(0, 61_000, 10_000))
    assert {(one.parallelism, one.lag, one.status) for one in points} == {(2, 14.0, JobStatus.RUNNING)}


def test_a_change_is_seen_at_once_and_a_lag_that_nobody_knows_is_none(job: Job) -> None:
    history = LoadHistory()
    history.look({job.id: job}, 0)
    job.status = JobStatus.RESTARTING
    history.look({job.id: job}, 500)
    job.status = JobStatus.RUNNING
    history.look({job.id: job}, 1_000)
    assert [(one.at, one.lag) for one in history.of(job.id)] == [(0, 14.0), (500, None), (1_000, 14.0)]


def test_an_hour_is_kept_and_a_restless_job_has_no_more_points_than_fit(job: Job) -> None:
    history = LoadHistory()
    for now in range(0, 2 * KEPT_MS, 10_000):
        history.look({job.id: job}, now)
    points = history.of(job.id)
    assert points[-1].at - points[0].at == KEPT_MS
    for turn in range(3_000):
        job.status = JobStatus.RESTARTING if turn % 2 else JobStatus.RUNNING
        history.look({job.id: job}, 2 * KEPT_MS + turn * 500)
    assert len(history.of(job.id)) == MOST_POINTS


def test_a_job_that_ended_gets_no_more_points_and_one_that_is_forgotten_has_none(job: Job) -> None:
    history = LoadHistory()
    job.status = JobStatus.CANCELED
    for now in range(0, 60_000, 10_000):
        history.look({job.id: job}, now)
    assert len(history.of(job.id)) == 1
    history.look({}, 60_000)
    assert history.of(job.id) == []
