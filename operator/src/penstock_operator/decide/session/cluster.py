"""What to do for a session cluster now. Pure; called by the planner for FlinkDeployments that have no `spec.job`.

Nothing of a session's jobs is decided here: their own loop starts them again, from their newest state, in whatever
JobManager this one brings up.
"""

from dataclasses import dataclass

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    JobManagerDeploymentStatus,
    ReconciliationState,
    TaskManagerInfo,
)
from penstock_operator.decide.cluster_info import cluster_info
from penstock_operator.decide.refresh import job_manager_status
from penstock_operator.decide.revise import record_spec, revise_reconciliation
from penstock_operator.decide.rules.refuse import why_not_ours
from penstock_operator.decide.session.delete import delete_session
from penstock_operator.decide.session.present import present_session
from penstock_operator.decide.situation import IN_FLIGHT, STEADY, UNSETTLED, Situation, Step
from penstock_operator.decide.specs import decode_spec, encode_spec
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.plan import Deploy, Event, Hold, Plan, Stop

_COMPONENT = "JobManagerDeployment"


def is_session(facts: Facts) -> bool:
    """Whether this is a session cluster: what was deployed says so, before that what is wanted."""
    deployed = decode_spec(facts.resource.status.reconciliation_status.last_reconciled_spec)
    return (deployed or facts.resource.spec).job is None


def decide_session(facts: Facts) -> Plan:
    """The plan. Total: every situation has an answer."""
    status = _refresh(facts)
    deployed = decode_spec(status.reconciliation_status.last_reconciled_spec)
    wanted = deployed if facts.problems and deployed is not None else facts.resource.spec
    name, step = _choose(Situation(facts, status, wanted, deployed))
    problem = step.problem or _seen(facts)
    events = list(step.events)
    presented = present_session(step.status, problem, facts)
    if problem is not None and facts.resource.status.error != presented.error:
        events.append(Event(problem.reason, problem.message, problem.component))
    after = present_session(step.after, problem, facts) if step.after is not None else None
    return Plan(name, presented, step.actions, after, tuple(events), step.requeue_seconds)


@dataclass(frozen=True, slots=True)
class _Change:
    """What differs between the wanted and the deployed spec."""

    cost: Cost
    paths: tuple[str, ...]


def _choose(situation: Situation) -> tuple[str, Step]:
    """The first that applies."""
    facts, held = situation.facts, situation.status.reconciliation_status
    if facts.is_deleting:
        return "session_delete", delete_session(situation)
    if (stranger := why_not_ours(situation)) is not None:
        return "session_refuse", Step(facts.resource.status, problem=stranger, requeue_seconds=STEADY)
    if situation.deployed is None:
        if facts.problems:
            return "session_refuse", Step(
                situation.status, problem=facts.problems[0], requeue_seconds=UNSETTLED
            )
        return "session_first", _deploy(situation, "Starting the session cluster")
    cost, paths = diff_cost(situation.deployed, situation.wanted)
    if cost > Cost.SCALE:
        return "session_change", _change(situation, _Change(cost, tuple(paths)))
    if cost is Cost.SCALE:
        return "session_scale", _deploy(situation, f"SCALE change of {', '.join(paths)}")
    if held.state is ReconciliationState.UPGRADING:
        return "session_deploy", _deploy(situation, None)
    missing = _missing(situation)
    if missing is not None:
        return "session_recover", missing
    return "session_steady", _steady(situation)


def _deploy(situation: Situation, sentence: str | None) -> Step:
    """Write down what is deployed, deploy it, note that it was."""
    facts, spec = situation.facts, situation.wanted
    status = revise_reconciliation(
        situation.status,
        last_reconciled_spec=encode_spec(spec, first=situation.deployed is None),
        state=ReconciliationState.UPGRADING,
        reconciliation_timestamp=facts.now,
    )
    if not facts.problems:
        status = status.model_copy(update={"observed_generation": facts.resource.metadata.generation})
    said = (Event(Reason.SUBMIT, sentence, _COMPONENT),) if sentence else ()
    return Step(
        status,
        actions=(Hold(), Deploy(situation.launch(spec, "", None))),
        after=revise_reconciliation(status, state=ReconciliationState.DEPLOYED),
        events=said,
        requeue_seconds=IN_FLIGHT,
    )


def _change(situation: Situation, change: _Change) -> Step:
    """Both Deployments go, then the new ones come: an old process must not serve new jobs."""
    cluster, status = situation.facts.cluster, situation.status
    if not (cluster.processes_left or cluster.job_manager_exists or cluster.task_managers_exist):
        return _deploy(situation, "Starting the changed session cluster")
    events: tuple[Event, ...] = ()
    if status.reconciliation_status.state is not ReconciliationState.UPGRADING:
        sentence = f"{change.cost.name} change of {', '.join(change.paths)}"
        events = (Event(Reason.SPEC_CHANGED, sentence),)
        status = revise_reconciliation(
            status, state=ReconciliationState.UPGRADING, reconciliation_timestamp=situation.facts.now
        )
    return Step(status, actions=(Stop(),), events=events, requeue_seconds=IN_FLIGHT)


def _missing(situation: Situation) -> Step | None:
    """A part of it is gone: deployed again. Its jobs come back from their newest state."""
    cluster = situation.facts.cluster
    if cluster.job_manager_exists and cluster.task_managers_exist:
        return None
    part = "TaskManagers are" if cluster.job_manager_exists else "JobManager is"
    if not situation.flag("jm-deployment-recovery.enabled", default=True):
        problem = Problem(Reason.MISSING, f"The session cluster's {part} missing", _COMPONENT)
        return Step(situation.status, problem=problem, requeue_seconds=UNSETTLED)
    launch = situation.launch(situation.baseline, "", None)
    said = Event(Reason.RECOVER_DEPLOYMENT, f"The {part} missing: deploying again", _COMPONENT)
    return Step(situation.status, actions=(Deploy(launch),), events=(said,), requeue_seconds=IN_FLIGHT)


def _steady(situation: Situation) -> Step:
    status, held = situation.status, situation.status.reconciliation_status
    generation = situation.facts.resource.metadata.generation
    is_stable = held.last_stable_spec == held.last_reconciled_spec
    is_ready = status.job_manager_deployment_status is JobManagerDeploymentStatus.READY
    if not situation.is_refused and (
        status.observed_generation != generation or situation.wanted != situation.deployed
    ):
        status = record_spec(status, situation.wanted, generation)
    if is_stable or is_ready:
        stable = status.reconciliation_status.last_reconciled_spec
        status = revise_reconciliation(status, last_stable_spec=stable)
    return Step(status, requeue_seconds=STEADY if is_ready else UNSETTLED)


def _refresh(facts: Facts) -> FlinkDeploymentStatus:
    status, name = facts.resource.status, facts.resource.metadata.name
    selector = f"component=taskmanager,app={name}"
    changes: dict[str, object] = {
        "cluster_info": cluster_info(facts),
        "job_manager_deployment_status": job_manager_status(facts.cluster, facts.job),
        "task_manager": TaskManagerInfo(label_selector=selector, replicas=facts.cluster.task_managers),
    }
    return status.model_copy(update=changes)


def _seen(facts: Facts) -> Problem | None:
    """What is wrong without a rule saying so."""
    if facts.problems:
        return facts.problems[0]
    return None if facts.is_deleting else facts.cluster.problem
