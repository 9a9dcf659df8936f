"""A spec that is refused before anything was deployed: nothing is made, the reason is shown.

Nor is anything of a job on an engine that is not there, whatever its status says: another operator deployed that job, and
its status is that operator's, to which the owner may go back.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import Engine
from penstock_operator.decide.situation import STEADY, UNSETTLED, Situation, Step
from penstock_operator.model.facts import Problem


def refuse(situation: Situation) -> Step | None:
    """Applies while nothing was deployed by us; later the last reconciled spec goes on and the reason stands beside it."""
    stranger = why_not_ours(situation)
    if stranger is not None:
        return Step(situation.facts.resource.status, problem=stranger, requeue_seconds=STEADY)
    if not situation.is_refused or situation.deployed is not None:
        return None
    return Step(situation.status, problem=situation.facts.problems[0], requeue_seconds=UNSETTLED)


def why_not_ours(situation: Situation) -> Problem | None:
    """Why the job is none of ours to touch; None where it is ours."""
    problems, deployed = situation.facts.problems, situation.deployed
    found = next((one for one in problems if one.reason is Reason.ENGINE_NOT_AVAILABLE), None)
    if found is None and deployed is not None and deployed.effective_engine is Engine.FLINK:
        found = next(iter(problems), None)
    return found
