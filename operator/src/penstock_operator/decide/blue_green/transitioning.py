"""The new side comes up: made, waited for until it works, given the Ingress; then the old one is deleted."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import diff
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_operator.decide.blue_green.aborting import begin_abort
from penstock_operator.decide.blue_green.situation import (
    DELAY,
    Situation,
    Step,
    belongs_to,
    child_spec,
    complaint,
    encode,
    is_ready,
    milliseconds,
)
from penstock_operator.model.blue_green import ApplyChild, BlueGreenAction, Color, DeleteChild, Route
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event


def transitioning(situation: Situation, color: Color) -> Step:
    """Until the side works, or its time is over; a first side, which has none to go back to, is waited for longer."""
    if situation.is_changed:
        return _changed_meanwhile(situation)
    child = situation.facts.side(color)
    wanted = child_spec(situation.template, color, situation.status.initial_savepoint_path)
    actions = _make(situation, color, child, wanted)
    if not actions and is_ready(child) and belongs_to(child, situation.status.transition_id):
        return _ready(situation, color)
    status = situation.status.model_copy(update={"deployment_ready_timestamp": None})
    if not situation.is_late() or not situation.wants_running:
        return Step(status, actions, keep_error=situation.facts.side(color.other) is None)
    name = color.child(situation.facts.resource.metadata.name)
    sentence = f"{name} does not work after its time: {complaint(child)}"
    if situation.facts.side(color.other) is not None:
        return begin_abort(situation, sentence)
    return Step(status, actions, problem=Problem(Reason.TRANSITION_LATE, sentence))


def _changed_meanwhile(situation: Situation) -> Step:
    """The side that comes up is brought to the newer template where it is, with time of its own."""
    update: dict[str, object] = {
        "last_reconciled_spec": encode(situation.facts.resource.spec),
        "last_reconciled_timestamp": situation.now(),
        "abort_timestamp": situation.deadline(),
    }
    held = situation.reconciled
    before = held.template.spec.job if held and held.template and held.template.spec else None
    nonce = situation.job.savepoint_redeploy_nonce
    if nonce is not None and before is not None and nonce != before.savepoint_redeploy_nonce:
        update["initial_savepoint_path"] = situation.job.initial_savepoint_path
    said = Event(Reason.SPEC_CHANGED, "The side that comes up is changed in place")
    return Step(situation.status.model_copy(update=update), events=(said,), requeue_seconds=0.0)


def _make(
    situation: Situation, color: Color, child: FlinkDeployment | None, wanted: FlinkDeploymentSpec
) -> tuple[BlueGreenAction, ...]:
    """What brings the side to its spec; one of an earlier transition goes first, for its state is not the chosen one."""
    transition = situation.status.transition_id or ""
    if child is None:
        return (ApplyChild(color, wanted, transition),)
    if not belongs_to(child, transition):
        return () if child.metadata.deletion_timestamp else (DeleteChild(color),)
    return (ApplyChild(color, wanted, transition),) if diff(child.spec, wanted) else ()


def _ready(situation: Situation, color: Color) -> Step:
    """It works: after the delay it gets the Ingress, and the old side goes."""
    since = situation.status.deployment_ready_timestamp or situation.now()
    status = situation.status.model_copy(update={"deployment_ready_timestamp": since})
    delay = situation.duration(DELAY).total_seconds()
    left = delay - (situation.facts.now - milliseconds(since)) / 1000
    if left > 0:
        return Step(status, requeue_seconds=left)
    after = status.model_copy(
        update={"blue_green_state": color.active, "abort_timestamp": None, "stopped": None}
    )
    old = situation.facts.side(color.other)
    gone: tuple[BlueGreenAction, ...] = () if old is None else (DeleteChild(color.other),)
    said = Event(Reason.TRANSITION_COMPLETED, f"{color.value.capitalize()} has the job")
    return Step(status, (Route(color), *gone), after=after, events=(said,), requeue_seconds=0.0)
