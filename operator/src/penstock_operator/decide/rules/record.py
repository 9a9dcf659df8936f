"""The spec changed in something that needs no act: note it."""

from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_operator.decide.revise import record_spec, revise_reconciliation
from penstock_operator.decide.situation import Situation, Step


def record(situation: Situation) -> Step | None:
    """Applies when the wanted spec is not, to the letter, the reconciled one; a savepoint nonce waits for its rule."""
    wanted = situation.wanted
    if diff_cost(situation.baseline, wanted)[0] is not Cost.IGNORE:
        return None  # it waits to be carried out
    if wanted.job is not None:
        nonce = situation.baseline_job.savepoint_trigger_nonce
        if wanted.job.savepoint_trigger_nonce is not None and wanted.job.savepoint_trigger_nonce != nonce:
            held = wanted.job.model_copy(update={"savepoint_trigger_nonce": nonce})
            wanted = wanted.model_copy(update={"job": held})
    generation = situation.facts.resource.metadata.generation
    is_noted = situation.is_refused or situation.status.observed_generation == generation
    if wanted == situation.baseline and is_noted:
        return None
    was_stable = _is_stable(situation)
    status = record_spec(situation.status, wanted, generation)
    if was_stable:
        spec = status.reconciliation_status.last_reconciled_spec
        status = revise_reconciliation(status, last_stable_spec=spec)
    return Step(status, requeue_seconds=0.0)


def _is_stable(situation: Situation) -> bool:
    held = situation.status.reconciliation_status
    return held.last_reconciled_spec == held.last_stable_spec
