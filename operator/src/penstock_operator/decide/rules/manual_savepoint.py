"""A new `savepointTriggerNonce` or `checkpointTriggerNonce`: take a snapshot and let the job run on."""

from dataclasses import replace

from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.status import FlinkDeploymentStatus, SavepointPurpose, SnapshotTriggerType
from penstock_operator.decide.revise import record_spec
from penstock_operator.decide.rules.checkpoint import ask_for_checkpoint
from penstock_operator.decide.rules.savepoint import ask_for_savepoint
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.snapshot.asking import asked, has_resources


def manual_savepoint(situation: Situation) -> Step | None:
    """Applies while a wanted nonce is not the reconciled one; waits for the job to run."""
    if not situation.runs:
        return None
    return _savepoint(situation) or _checkpoint(situation)


def _savepoint(situation: Situation) -> Step | None:
    nonce = situation.wanted_job.savepoint_trigger_nonce
    if nonce is None or nonce == situation.baseline_job.savepoint_trigger_nonce:
        return None
    if has_resources(situation):
        # Made before the nonce is noted; by the nonce a second turn knows it, so no crash makes two or none.
        wanted = asked(situation, SnapshotTriggerType.MANUAL, at=situation.facts.now, nonce=nonce)
        noted = _noted(situation, situation.status, {"savepoint_trigger_nonce": nonce})
        return Step(situation.status, actions=(wanted,), after=noted, requeue_seconds=IN_FLIGHT)
    step = ask_for_savepoint(situation, SavepointPurpose.MANUAL)
    # The nonce is reconciled in the same write as the trigger: no crash can make two savepoints of one nonce.
    return Step(
        _noted(situation, step.status, {"savepoint_trigger_nonce": nonce}),
        actions=step.actions,
        requeue_seconds=step.requeue_seconds,
    )


def _checkpoint(situation: Situation) -> Step | None:
    nonce = situation.wanted_job.checkpoint_trigger_nonce
    if nonce is None or nonce == situation.baseline_job.checkpoint_trigger_nonce:
        return None
    if not has_resources(situation):
        step = ask_for_checkpoint(situation, SnapshotTriggerType.MANUAL, nonce)
        if step is None:
            return None
        return replace(step, status=_noted(situation, step.status, {"checkpoint_trigger_nonce": nonce}))
    wanted = asked(
        situation, SnapshotTriggerType.MANUAL, at=situation.facts.now, nonce=nonce, is_checkpoint=True
    )
    noted = _noted(situation, situation.status, {"checkpoint_trigger_nonce": nonce})
    return Step(situation.status, actions=(wanted,), after=noted, requeue_seconds=IN_FLIGHT)


def _noted(
    situation: Situation, status: FlinkDeploymentStatus, nonce: dict[str, int]
) -> FlinkDeploymentStatus:
    """The nonce is reconciled. A change that waits is not carried out by this, nor is the other nonce."""
    is_only_noted = diff_cost(situation.baseline, situation.wanted)[0] is Cost.IGNORE
    spec: FlinkDeploymentSpec = situation.wanted if is_only_noted else situation.baseline
    base = situation.baseline_job
    nonces = {
        "savepoint_trigger_nonce": base.savepoint_trigger_nonce,
        "checkpoint_trigger_nonce": base.checkpoint_trigger_nonce,
        **nonce,
    }
    generation = situation.facts.resource.metadata.generation
    if not is_only_noted:
        generation = situation.status.observed_generation
    job = (spec.job or base).model_copy(update=nonces)
    return record_spec(status, spec.model_copy(update={"job": job}), generation)
