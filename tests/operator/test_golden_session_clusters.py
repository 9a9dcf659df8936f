"""Whole lives of session clusters, decision by decision, as text under `golden/`."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import LifecycleState
from penstock_operator.model.facts import Facts, JobFacts
from penstock_operator.model.plan import Action, Deploy, Plan, Release, Remove, Stop
from tests.operator.simulation import BASE, World


class SessionWorld(World):
    """A session cluster: its JobManager answers one turn after it was deployed."""

    session_jobs: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()

    def delete(self) -> None:
        self.clock += 1000
        moment = datetime.fromtimestamp(self.clock / 1000, tz=UTC).isoformat()
        body = self.resource.to_wire()
        body["metadata"]["deletionTimestamp"] = moment
        self.resource = FlinkDeployment.from_wire(body)

    def facts(self) -> Facts:
        found = super().facts()
        ready = self.jm and not self.unreachable
        return replace(
            found,
            cluster=replace(found.cluster, job_manager_ready=ready, session_jobs=self.session_jobs),
            job=JobFacts(reachable=ready, version="1", session_jobs=self.unmanaged),
        )

    def _act(self, action: Action) -> None:
        if isinstance(action, Deploy):
            assert action.launch.job_manager_arguments() == []
            assert self.jm or not self.processes, "two clusters side by side"
            self.jm = self.tm = True
            self.processes = 1 + action.launch.task_managers
            self.held = True
        elif isinstance(action, Remove):
            self.jm = self.tm = self.held = False
            self.ending = True
        elif isinstance(action, Release | Stop):
            super()._act(action)

    def _log(self, plan: Plan) -> None:
        self.lines.append(
            f"{self.turns:3} {plan.rule:16} {plan.status.lifecycle_state}"
            f" jm={plan.status.job_manager_deployment_status} rec={plan.status.reconciliation_status.state}"
        )
        self.lines += [
            f"      do {type(action).__name__}"
            + (f" {action.launch.task_managers} TaskManagers" if isinstance(action, Deploy) else "")
            for action in plan.actions
        ]
        self.lines += [f"      {event.type} {event.reason}: {event.message}" for event in plan.events]
        if plan.status.error:
            self.lines.append(f"      error {plan.status.error}")


@pytest.fixture
def session() -> SessionWorld:
    body = copy.deepcopy(BASE)
    del body["spec"]["job"]
    body["spec"]["taskManager"] = {"replicas": 1}
    return SessionWorld(FlinkDeployment.from_wire(body))


def test_session_comes_up_and_is_scaled_in_place(
    session: SessionWorld, golden: Callable[[World], None]
) -> None:
    session.settle()
    assert session.resource.status.lifecycle_state is LifecycleState.STABLE
    conditions = {each.type: each for each in session.resource.status.conditions}
    assert conditions["Running"].reason == "JobManagerReady"
    assert conditions["Ready"].status == "True"
    session.say("two TaskManagers")
    session.edit(lambda spec: spec["taskManager"].update(replicas=2))
    session.settle()
    assert session.processes == 3
    golden(session)


def test_session_is_changed_after_the_old_one_ended(
    session: SessionWorld, golden: Callable[[World], None]
) -> None:
    session.settle()
    session.say("another image")
    session.edit(lambda spec: spec.update(image="other"))
    session.settle()
    assert session.resource.status.lifecycle_state is LifecycleState.STABLE
    session.say("an option that needs no restart")
    session.edit(lambda spec: spec["flinkConfiguration"].update({"kubernetes.operator.x": "1"}))
    session.settle()
    golden(session)


@pytest.mark.parametrize("point", ["status", "act", "after"])
def test_session_change_survives_a_crash(session: SessionWorld, point: str) -> None:
    session.settle()
    session.edit(lambda spec: spec.update(image="other"))
    for _ in range(6):
        session.crash_before = point
        session.turn()
        session.turn()
    session.settle()
    assert session.resource.status.lifecycle_state is LifecycleState.STABLE
    assert '"image": "other"' in (session.resource.status.reconciliation_status.last_reconciled_spec or "")


def test_session_that_lost_its_jobmanager(session: SessionWorld, golden: Callable[[World], None]) -> None:
    session.settle()
    session.say("the JobManager is deleted")
    session.lose_processes()
    session.settle()
    assert session.jm
    golden(session)


def test_session_goes_after_its_jobs(session: SessionWorld, golden: Callable[[World], None]) -> None:
    session.settle()
    session.session_jobs = ("clicks-job",)
    session.say("deleted while a FlinkSessionJob uses it")
    session.delete()
    session.settle()
    assert not session.gone
    session.session_jobs, session.unmanaged = (), ("a" * 32,)
    session.say("that one is gone, another job runs")
    session.settle()
    assert not session.gone
    session.unmanaged = ()
    session.say("it ended")
    session.settle()
    assert session.gone
    golden(session)


def test_session_deletion_is_bounded_if_asked(session: SessionWorld, golden: Callable[[World], None]) -> None:
    session.edit(lambda spec: spec.update(deletion={"deadline": "1 min"}))
    session.settle()
    session.session_jobs = ("clicks-job",)
    session.delete()
    session.turn()
    session.say("the deadline passes")
    session.clock += 61_000
    session.settle()
    assert session.gone
    golden(session)


def test_session_guard_can_be_switched_off(session: SessionWorld) -> None:
    option = {"kubernetes.operator.session.deletion.block-on-session-jobs": "false"}
    session.edit(lambda spec: spec["flinkConfiguration"].update(option))
    session.settle()
    session.session_jobs, session.unmanaged = ("clicks-job",), ("a" * 32,)
    session.delete()
    session.settle()
    assert session.gone


def test_session_cannot_become_an_application(session: SessionWorld) -> None:
    session.settle()
    session.edit(lambda spec: spec.update(job={"jarURI": "local:///a.py", "parallelism": 1}))
    from penstock_operator.decide.validate import validate

    session.problems = validate(session.resource)
    session.settle()
    assert session.jm
    assert "cannot be added or removed" in (session.resource.status.error or "")
