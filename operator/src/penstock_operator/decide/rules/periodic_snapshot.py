"""Savepoints and checkpoints by the clock: `periodic.savepoint.interval` and `periodic.checkpoint.interval`."""

from dataclasses import replace
from datetime import datetime

from penstock_api.v1beta1.status import (
    CheckpointInfo,
    FlinkDeploymentStatus,
    SavepointInfo,
    SavepointPurpose,
    SnapshotTriggerType,
)
from penstock_operator.decide.revise import revise_job
from penstock_operator.decide.rules.checkpoint import ask_for_checkpoint
from penstock_operator.decide.rules.savepoint import ask_for_savepoint
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.snapshot.asking import asked, has_resources
from penstock_operator.decide.snapshot.schedule import next_due


def periodic_snapshot(situation: Situation) -> Step | None:
    """Applies once one is due and the job runs. One that was missed is taken once, not as often as it was missed."""
    if not situation.runs or situation.status.pending_savepoint is not None:
        return None
    return _savepoint(situation) or _checkpoint(situation)


def _savepoint(situation: Situation) -> Step | None:
    info = situation.status.job_status.savepoint_info or SavepointInfo()
    last = info.last_periodic_savepoint_timestamp
    due = _due(situation, "periodic.savepoint.interval", last)
    if due is None:
        return None
    if has_resources(situation):
        wanted = asked(situation, SnapshotTriggerType.PERIODIC, at=due)
        return Step(
            situation.status,
            actions=(wanted,),
            after=_noted(situation.status, situation.facts.now),
            requeue_seconds=IN_FLIGHT,
        )
    step = ask_for_savepoint(situation, SavepointPurpose.PERIODIC)
    return Step(
        _noted(step.status, situation.facts.now),
        actions=step.actions,
        keep_error=True,
        requeue_seconds=step.requeue_seconds,
    )


def _checkpoint(situation: Situation) -> Step | None:
    info = situation.status.job_status.checkpoint_info or CheckpointInfo()
    due = _due(situation, "periodic.checkpoint.interval", info.last_periodic_checkpoint_timestamp)
    if due is None:
        return None
    if not has_resources(situation):
        return _checkpoint_in_status(situation)
    noted = info.model_copy(update={"last_periodic_checkpoint_timestamp": situation.facts.now})
    return Step(
        situation.status,
        actions=(asked(situation, SnapshotTriggerType.PERIODIC, at=due, is_checkpoint=True),),
        after=revise_job(situation.status, checkpoint_info=noted),
        requeue_seconds=IN_FLIGHT,
    )


def _checkpoint_in_status(situation: Situation) -> Step | None:
    step = ask_for_checkpoint(situation, SnapshotTriggerType.PERIODIC)
    if step is None:
        return None
    info = step.status.job_status.checkpoint_info or CheckpointInfo()
    noted = info.model_copy(update={"last_periodic_checkpoint_timestamp": situation.facts.now})
    return replace(step, status=revise_job(step.status, checkpoint_info=noted))


def _due(situation: Situation, key: str, last: int) -> int | None:
    """When one became due, if that is past."""
    due = next_due(situation.option(key, ""), last or _created(situation))
    return due if due is not None and due <= situation.facts.now else None


def _created(situation: Situation) -> int:
    text = situation.facts.resource.metadata.creation_timestamp
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else situation.facts.now


def _noted(status: FlinkDeploymentStatus, now: int) -> FlinkDeploymentStatus:
    info = status.job_status.savepoint_info or SavepointInfo()
    noted = info.model_copy(update={"last_periodic_savepoint_timestamp": now})
    return revise_job(status, savepoint_info=noted)
