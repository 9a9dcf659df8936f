"""One side has the job: nothing to do, something to patch in place, or a transition to begin."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState
from penstock_operator.decide.blue_green.situation import (
    INTERVAL,
    Situation,
    Step,
    belongs_to,
    child_spec,
    complaint,
    encode,
)
from penstock_operator.decide.specs import with_job_state
from penstock_operator.model.blue_green import ApplyChild, BlueGreenAction, Color, Route
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event


def active(situation: Situation, color: Color) -> Step:
    """The side that has the job, as the owner wants it."""
    child = situation.facts.side(color)
    if child is None:
        return _lost(situation, color)
    if not situation.is_changed:
        return _steady(situation, color, child)
    wanted = _wanted(situation, color, child)
    state = child.spec.job.state if child.spec.job else JobState.RUNNING
    changes = diff(child.spec, with_job_state(wanted, state))
    cost = max((change.cost for change in changes), default=Cost.IGNORE)
    if cost > Cost.IGNORE and situation.wants_running and state is JobState.RUNNING:
        paths = [change.path for change in changes if change.cost > Cost.IGNORE]
        return _begin(situation, color, cost, paths)
    return _patch(situation, color, wanted)


def _steady(situation: Situation, color: Color, child: FlinkDeployment) -> Step:
    interval = situation.duration(INTERVAL).total_seconds()
    routes: tuple[BlueGreenAction, ...] = () if situation.facts.is_routed else (Route(color),)
    if not belongs_to(child, situation.status.transition_id):  # the last transition was given up
        return Step(situation.status, routes, keep_error=True, requeue_seconds=interval)
    problem = None
    if child.status.error:
        problem = Problem(Reason.UPGRADE_FAILED, f"{child.metadata.name}: {complaint(child)}")
    return Step(situation.status, routes, problem=problem, requeue_seconds=interval)


def _patch(situation: Situation, color: Color, wanted: FlinkDeploymentSpec) -> Step:
    """What costs no restart, a suspension, and whatever changes while the job is suspended: in place."""
    status = situation.status.model_copy(
        update={
            "last_reconciled_spec": encode(situation.facts.resource.spec),
            "last_reconciled_timestamp": situation.now(),
        }
    )
    said = Event(Reason.SPEC_CHANGED, f"{color.value.capitalize()} is changed in place")
    apply = ApplyChild(color, wanted, situation.status.transition_id or "")
    # Written afterwards: a crash in between only makes it apply the same once more.
    return Step(situation.status, (apply,), after=status, events=(said,), requeue_seconds=0.0)


def _begin(situation: Situation, color: Color, cost: Cost, paths: list[str]) -> Step:
    """To the other side: first the state, where it takes some along or the old side must be stopped; else at once."""
    path = situation.job.initial_savepoint_path if cost is Cost.SAVEPOINT_REDEPLOY else None
    needs_state = situation.carries_state and path is None
    if not needs_state:
        path = situation.job.initial_savepoint_path
    state = color.saving if needs_state or situation.is_fenced else color.other.rising
    status = situation.status.model_copy(
        update={
            "blue_green_state": state,
            "last_reconciled_spec": encode(situation.facts.resource.spec),
            "last_reconciled_timestamp": situation.now(),
            "transition_id": str(situation.facts.now),
            "abort_timestamp": situation.deadline(),
            "deployment_ready_timestamp": None,
            "savepoint_trigger_id": None,
            "initial_savepoint_path": path,
            "stopped": None,
            "previous_stop_policy": None,
            "aborting": None,
        }
    )
    sentence = f"From {color.value.lower()} to {color.other.value.lower()}: {', '.join(paths)} changed"
    return Step(status, events=(Event(Reason.TRANSITION_STARTED, sentence),), requeue_seconds=0.0)


def _wanted(situation: Situation, color: Color, child: FlinkDeployment) -> FlinkDeploymentSpec:
    """The template for a side that goes on: it keeps the state that it was started from, unless told another."""
    held = child.spec.job
    chosen = situation.job
    is_redeployed = held is not None and held.savepoint_redeploy_nonce != chosen.savepoint_redeploy_nonce
    keeps = held is not None and not is_redeployed
    return child_spec(situation.template, color, held.initial_savepoint_path if keeps and held else None)


def _lost(situation: Situation, color: Color) -> Step:
    """Someone deleted the side: it is made again from the newest state that was seen of it."""
    held = situation.status.job_status
    newest = held.last_checkpoint.path if held.last_checkpoint else None
    path = newest or held.upgrade_savepoint_path or situation.status.initial_savepoint_path
    name = color.child(situation.facts.resource.metadata.name)
    if situation.carries_state and path is None and held.job_ids and not situation.job.allow_empty_state:
        sentence = f"FlinkDeployment {name} is gone and no state of its job is known. {Reason.EMPTY_STATE_REFUSED.sentence}"
        return Step(situation.status, problem=Problem(Reason.EMPTY_STATE_REFUSED, sentence))
    spec = child_spec(situation.template, color, path if situation.carries_state else None)
    status = situation.status.model_copy(
        update={"last_reconciled_spec": encode(situation.facts.resource.spec), "initial_savepoint_path": path}
    )
    sentence = f"FlinkDeployment {name} is gone and made again" + (f" from {path}" if path else "")
    apply = ApplyChild(color, spec, situation.status.transition_id or "")
    return Step(status, (apply,), events=(Event(Reason.MISSING, sentence),))
