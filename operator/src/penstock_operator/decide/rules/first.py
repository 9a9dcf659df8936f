"""The first deployment: from nothing, or from the savepoint that the owner names."""

from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import ReconciliationState
from penstock_operator.decide.revise import record_spec, revise_reconciliation
from penstock_operator.decide.rules.start import start
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.model.plan import Hold


def first(situation: Situation) -> Step | None:
    """Applies until a spec was reconciled. A resource made suspended is reconciled as such (upstream never does)."""
    if situation.deployed is not None:
        return None
    if situation.wanted_job.state is JobState.SUSPENDED:
        status = record_spec(situation.status, situation.wanted, situation.facts.resource.metadata.generation)
        status = revise_reconciliation(status, state=ReconciliationState.DEPLOYED)
        return Step(status, actions=(Hold(),))
    return start(situation)
