"""The spec changed in something that needs no act: note it."""

from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.decide.revise import record_spec, revise_reconciliation
from penstock_operator.decide.situation import Situation, Step


def record(situation: Situation) -> Step | None:
    """Applies when the wanted spec is not, to the letter, the reconciled one; the nonces of snapshots wait for their rule."""
    wanted = situation.wanted
    if diff_cost(situation.baseline, wanted)[0] is not Cost.IGNORE:
        return None  # it waits to be carried out
    wanted = _without_nonces(situation, wanted)
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


def _without_nonces(situation: Situation, wanted: FlinkDeploymentSpec) -> FlinkDeploymentSpec:
    """The spec with the nonces that are reconciled: new ones wait for a job that runs."""
    if wanted.job is None:
        return wanted
    base = situation.baseline_job
    held: dict[str, int | None] = {}
    if wanted.job.savepoint_trigger_nonce is not None:
        held["savepoint_trigger_nonce"] = base.savepoint_trigger_nonce
    if wanted.job.checkpoint_trigger_nonce is not None:
        held["checkpoint_trigger_nonce"] = base.checkpoint_trigger_nonce
    return wanted.model_copy(update={"job": wanted.job.model_copy(update=held)}) if held else wanted


def _is_stable(situation: Situation) -> bool:
    held = situation.status.reconciliation_status
    return held.last_reconciled_spec == held.last_stable_spec
