"""A new `savepointTriggerNonce`: take a savepoint and let the job run on."""

from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.status import SavepointPurpose
from penstock_operator.decide.revise import record_spec
from penstock_operator.decide.rules.savepoint import ask_for_savepoint
from penstock_operator.decide.situation import Situation, Step


def manual_savepoint(situation: Situation) -> Step | None:
    """Applies while the wanted nonce is not the reconciled one; waits for the job to run."""
    old = situation.baseline_job.savepoint_trigger_nonce
    new = situation.wanted_job.savepoint_trigger_nonce
    if new is None or new == old or not situation.runs:
        return None
    step = ask_for_savepoint(situation, SavepointPurpose.MANUAL)
    # The nonce is reconciled in the same write as the trigger: no crash can make two savepoints of one nonce.
    generation, spec = situation.facts.resource.metadata.generation, situation.wanted
    if diff_cost(situation.baseline, spec)[0] is not Cost.IGNORE:
        # A change that waits is not carried out by this.
        noted = situation.baseline_job.model_copy(update={"savepoint_trigger_nonce": new})
        generation = situation.status.observed_generation
        spec = situation.baseline.model_copy(update={"job": noted})
    return Step(
        record_spec(step.status, spec, generation),
        actions=step.actions,
        requeue_seconds=step.requeue_seconds,
    )
