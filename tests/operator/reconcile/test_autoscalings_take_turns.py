"""Jobs that the autoscaler wants to scale at once take turns in the budget of upgrades, and their statuses say so."""

from collections.abc import Iterator
from typing import Any

import pytest

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.model.facts import ClusterFacts, Ref
from penstock_operator.observe import signals
from penstock_operator.platforms.port import Spare
from penstock_operator.reconcile.autoscaling import Autoscaling
from penstock_operator.reconcile.budget import UpgradeBudget, is_under_way
from tests.operator.autoscale.series import steady, two_vertices

A, B, C = (Ref("default", name) for name in "abc")


class Nowhere:
    """A platform with a budget of one change at a time, and no memory."""

    limit = "1"

    def defaults(self, namespace: str) -> dict[str, str]:
        return {"kubernetes.operator.upgrade.max-concurrent": self.limit}

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        return ClusterFacts(rest_url="http://nowhere")

    def spare_task_managers(self, resource: FlinkDeployment) -> Spare:
        return Spare(None)

    def recall_autoscaler(self, resource: FlinkDeployment) -> None:
        return None

    def keep_autoscaler(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        """Nowhere."""

    recall_recording = recall_autoscaler
    keep_recording = keep_autoscaler


class Team:
    """Jobs that are overrun, looked at whenever a sample is due."""

    def __init__(self) -> None:
        self.platform, self.budget, self.clock = Nowhere(), UpgradeBudget(), 0.0
        self.autoscaling = Autoscaling(
            self.platform,  # type: ignore[arg-type]
            lambda: self.clock,
            self.budget,
        )
        self.resources = {ref: self._resource(ref) for ref in (A, B, C)}
        self.samples: Iterator[Sample] = iter(())
        self.calm: set[str] = set()

    @staticmethod
    def _resource(ref: Ref) -> FlinkDeployment:
        keys = {"job.autoscaler.mode": "active", "job.autoscaler.stabilization.interval": "1 s"}
        body = {
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "spec": {
                "engine": "Penstock",
                "job": {"jarURI": "local:///a.py", "parallelism": 2},
                "flinkConfiguration": keys,
            },
            "status": {"jobStatus": {"state": "RUNNING", "jobId": ref.name}},
        }
        return FlinkDeployment.from_wire(body)

    def collect(self, rest: object, job_id: str, *about: object, **more: object) -> tuple[Graph, Sample]:
        """What the JobManager of a job says: it can do no more, and its lag grows; or that it is at ease."""
        busy, growth = (0.5, 0.0) if job_id in self.calm else (1.0, 1000.0)
        turn = round(self.clock / 15.0)
        *_, newest = steady(1000.0, busy, turn + 1, lag_growth=growth)
        return two_vertices(), newest

    def look(self, ref: Ref) -> AutoscalerStatus:
        """A turn of the loop, as far as the budget is concerned."""
        resource = self.resources[ref]
        found = self.autoscaling.look(resource)
        assert found
        status = resource.status
        if found.overrides and not (status.autoscaler and status.autoscaler.overrides):
            scaling = {"parallelism": 4, "taskManagers": 4, "requestedAt": 1, "done": False}
            status = FlinkDeploymentStatus.from_wire({**status.to_wire(), "scaling": scaling})
        status = status.model_copy(update={"autoscaler": found})
        self.resources[ref] = resource.model_copy(update={"status": status})
        self.budget.settle(
            ref, is_under_way=is_under_way(status), is_waiting=self.autoscaling.is_waiting(ref)
        )
        return found

    def pass_samples(self, count: int, *refs: Ref) -> None:
        """So many samples of these jobs, each in its turn."""
        for _ in range(count):
            self.clock += 15.0
            for ref in refs:
                self.look(ref)

    def finish(self, ref: Ref) -> None:
        """The scaling is done."""
        resource = self.resources[ref]
        assert resource.status.scaling
        done = resource.status.scaling.model_copy(update={"done": True})
        status = resource.status.model_copy(update={"scaling": done})
        self.resources[ref] = resource.model_copy(update={"status": status})
        self.budget.settle(ref, is_under_way=False, is_waiting=False)

    def guard(self, ref: Ref) -> str | None:
        """What holds the job's decision back."""
        found = self.resources[ref].status.autoscaler
        return found.held.guard if found and found.held else None

    def is_scaled(self, ref: Ref) -> bool:
        """Whether its scaling was begun."""
        found = self.resources[ref].status.autoscaler
        return bool(found and found.overrides)


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> Team:
    made = Team()
    monkeypatch.setattr(signals, "collect", made.collect)
    return made


def test_one_is_scaled_at_a_time_in_the_order_in_which_they_asked(team: Team) -> None:
    team.pass_samples(8, A, B, C)
    assert team.is_scaled(A)
    assert (team.guard(B), team.guard(C)) == ("turn", "turn")
    team.pass_samples(4, C, B)
    assert not team.is_scaled(B)
    assert not team.is_scaled(C)
    team.finish(A)
    team.pass_samples(1, C, B)
    assert team.is_scaled(B), "it asked first"
    assert team.guard(C) == "turn"
    team.finish(B)
    team.pass_samples(1, C)
    assert team.is_scaled(C)


def test_one_that_needs_it_no_more_is_not_waited_for(team: Team) -> None:
    team.pass_samples(8, A, B, C)
    team.calm.add("b")
    team.pass_samples(90, B, C)
    team.finish(A)
    team.pass_samples(1, C)
    assert team.is_scaled(C)


def test_one_that_stops_is_not_waited_for(team: Team) -> None:
    team.pass_samples(8, A, B, C)
    stopped: dict[str, Any] = {**team.resources[B].to_wire()}
    stopped["status"]["jobStatus"]["state"] = "SUSPENDED"
    team.resources[B] = FlinkDeployment.from_wire(stopped)
    team.look(B)
    team.finish(A)
    team.pass_samples(1, C)
    assert team.is_scaled(C)


def test_without_a_limit_nobody_waits(team: Team) -> None:
    team.platform.limit = "0"
    team.pass_samples(8, A, B, C)
    assert all(team.is_scaled(ref) for ref in (A, B, C))
