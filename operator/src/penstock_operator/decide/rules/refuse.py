"""A spec that is refused before anything was deployed: nothing is made, the reason is shown."""

from penstock_operator.decide.situation import UNSETTLED, Situation, Step


def refuse(situation: Situation) -> Step | None:
    """Applies while nothing was deployed; later the last reconciled spec goes on and the reason stands beside it."""
    if not situation.is_refused or situation.deployed is not None:
        return None
    return Step(situation.status, problem=situation.facts.problems[0], requeue_seconds=UNSETTLED)
