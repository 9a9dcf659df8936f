"""The decision for a blue/green deployment: the phase that its status records decides. Pure.

Called by `reconcile/blue_green.py` once a turn. A spec that is refused changes nothing: what was wanted before goes on.
"""

from dataclasses import replace

from penstock_api.reasons import Reason
from penstock_api.v1beta1.blue_green import BlueGreenState
from penstock_operator.decide.blue_green.aborting import aborting
from penstock_operator.decide.blue_green.active import active
from penstock_operator.decide.blue_green.initializing import initializing
from penstock_operator.decide.blue_green.present import present
from penstock_operator.decide.blue_green.savepointing import savepointing
from penstock_operator.decide.blue_green.situation import Situation, Step, decode
from penstock_operator.decide.blue_green.transitioning import transitioning
from penstock_operator.decide.present import error_text
from penstock_operator.model.blue_green import BlueGreenFacts, BlueGreenPlan, Color
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event

REFUSED_SECONDS = 15.0


def decide(facts: BlueGreenFacts) -> BlueGreenPlan:
    """The plan. A resource that is going away needs none: its sides go with it, by the API server's own hand."""
    if facts.resource.metadata.deletion_timestamp is not None:
        return BlueGreenPlan("deleting", facts.resource.status, requeue_seconds=REFUSED_SECONDS)
    refused = next(iter(facts.problems), None)
    held = decode(facts.resource.status.last_reconciled_spec)
    if refused is None:
        rule, step = _phase(Situation(facts))
    elif held is None or refused.reason is Reason.ENGINE_NOT_AVAILABLE:  # its sides are another operator's
        rule, step = "refuse", Step(facts.resource.status, requeue_seconds=REFUSED_SECONDS)
    else:
        former = facts.resource.model_copy(update={"spec": held})
        rule, step = _phase(Situation(replace(facts, resource=former)))
    return _plan(facts, rule, step, refused)


def _phase(situation: Situation) -> tuple[str, Step]:
    state = situation.status.blue_green_state
    if state is None or state is BlueGreenState.INITIALIZING_BLUE:
        return "initializing", initializing(situation)
    for color in Color:
        if state is color.active:
            return f"active {color.value}", active(situation, color)
        if state is color.saving:
            if situation.status.aborting:
                return f"aborting to {color.value}", aborting(situation, color)
            return f"savepointing {color.value}", savepointing(situation, color)
        if situation.status.aborting and state is color.rising:
            return f"aborting to {color.other.value}", aborting(situation, color.other)
    rising = Color.BLUE if state is Color.BLUE.rising else Color.GREEN
    return f"transitioning to {rising.value}", transitioning(situation, rising)


def failed_plan(facts: BlueGreenFacts, problem: Problem) -> BlueGreenPlan:
    """What is reported when a turn failed: the problem on top of the status that was written last."""
    status = present(facts.resource.status, problem, facts, keep_error=False)
    return BlueGreenPlan("failed", status, events=_said(facts, problem))


def _plan(facts: BlueGreenFacts, rule: str, step: Step, refused: Problem | None) -> BlueGreenPlan:
    problem = refused or step.problem
    after = None
    if step.after is not None:
        after = present(step.after, problem, facts, keep_error=step.keep_error)
    return BlueGreenPlan(
        rule,
        present(step.status, problem, facts, keep_error=step.keep_error),
        step.actions,
        after,
        (*_said(facts, problem), *step.events),
        step.requeue_seconds,
    )


def _said(facts: BlueGreenFacts, problem: Problem | None) -> tuple[Event, ...]:
    """A problem is told when it comes or changes; an abort was told when it began."""
    is_new = problem is not None and facts.resource.status.error != error_text(problem)
    if problem is None or not is_new or problem.reason is Reason.TRANSITION_ABORTED:
        return ()
    return (Event(problem.reason, problem.message),)
