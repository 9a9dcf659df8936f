"""Nothing runs yet: the blue side is made, once the template's job shall run."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.blue_green import BlueGreenState
from penstock_operator.decide.blue_green.situation import Situation, Step, encode
from penstock_operator.model.blue_green import Color
from penstock_operator.model.plan import Event


def initializing(situation: Situation) -> Step:
    """The first transition, to blue, from whatever state the template names."""
    facts, status = situation.facts, situation.status
    if not situation.wants_running:
        return Step(
            status.model_copy(update={"blue_green_state": BlueGreenState.INITIALIZING_BLUE}),
            requeue_seconds=situation.duration("reconciliation.reschedule-interval").total_seconds(),
        )
    begun = status.model_copy(
        update={
            "blue_green_state": Color.BLUE.rising,
            "last_reconciled_spec": encode(facts.resource.spec),
            "last_reconciled_timestamp": situation.now(),
            "transition_id": str(facts.now),
            "abort_timestamp": situation.deadline(),
        }
    )
    said = Event(Reason.TRANSITION_STARTED, "The blue side is being brought up")
    return Step(begun, events=(said,), requeue_seconds=0.0)
