"""A session job that the autoscaler scales: its status keeps what the job runs with, and free slots are all it may take."""

from collections.abc import Callable
from typing import Any

import pytest

from penstock_api.rest.cluster import TaskManagerList
from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.autoscale.signals import Graph
from penstock_operator.clients.flink_rest import FlinkRest
from penstock_operator.decide.autoscaling import overlay
from penstock_operator.decide.autoscaling_limits import spare_slots
from penstock_operator.decide.session.view import as_deployment, as_session_status
from penstock_operator.model.facts import ClusterFacts, Ref
from penstock_operator.reconcile.session_job import SessionJobs
from tests.operator.autoscale.series import two_vertices

JOB = FlinkSessionJob.from_wire(
    {
        "metadata": {"name": "counting", "namespace": "team"},
        "spec": {
            "deploymentName": "session",
            "job": {"jarURI": "https://a.example/b.py", "parallelism": 2},
        },
    }
)


def test_what_the_job_runs_with_outlives_the_operator() -> None:
    view = as_deployment(JOB)
    autoscaler = AutoscalerStatus(mode="active", overrides={"keyed": 3, "source": 2})
    status = as_session_status(view.status.model_copy(update={"autoscaler": autoscaler}), "session")
    wire = JOB.model_copy(update={"status": status}).to_wire()
    again = as_deployment(FlinkSessionJob.from_wire(wire))
    assert again.status.autoscaler == autoscaler
    scaled = overlay(again.spec, again.status.autoscaler)
    assert scaled.job
    assert scaled.job.parallelism == 3


class Store:
    """One session job."""

    def read(self, ref: Ref) -> FlinkSessionJob:
        return JOB


class Sessions:
    """Its cluster."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def read(self, ref: Ref) -> FlinkDeployment:
        return FlinkDeployment.from_wire({"metadata": {"name": "session", "namespace": "team"}})

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        return ClusterFacts(rest_url=self._url)


def nothing(*about: Any) -> None:
    """No snapshot is asked for, and no revision kept."""


Reads = Callable[[str | None], tuple[int | None, str]]


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """The room that a session job of two slots has in a cluster with three free ones."""
    body = {"taskmanagers": [{"id": "a", "slotsNumber": 4, "freeSlots": 2}, {"id": "b", "freeSlots": 1}]}
    found = TaskManagerList.model_validate(body)
    monkeypatch.setattr(FlinkRest, "task_managers", lambda rest: found)
    graph: Graph = two_vertices(2)

    def read(url: str | None) -> tuple[int | None, str]:
        jobs = SessionJobs(Store(), Sessions(url), nothing, nothing)  # type: ignore[arg-type]
        view = jobs.read(Ref("team", "counting"))
        assert view
        spare = jobs.spare_task_managers(view)
        return spare_slots(view.spec, graph, spare.task_managers, spare.why)

    return read


def test_free_slots_of_its_cluster_are_all_that_it_may_take(room: Reads) -> None:
    assert room("http://nowhere") == (5, "the session cluster has 3 free slots")
    assert room(None) == (2, "the session cluster is not ready")
