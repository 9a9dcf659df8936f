"""Checkpoints that are fields of the status (`snapshot.resource.enabled: false`): asked for, waited for, given up.

The trigger is in the status before the request is sent, so a lost request is sent again under its id. Nothing else waits
for such a checkpoint: the job's life goes on.
"""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import (
    Checkpoint,
    CheckpointInfo,
    CheckpointType,
    FlinkDeploymentStatus,
    SnapshotTriggerType,
)
from penstock_operator.decide.revise import revise_job
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event, TriggerCheckpoint

_NOT_PENDING = {"trigger_id": None, "trigger_timestamp": None, "trigger_type": None, "format_type": None}


def ask_for_checkpoint(
    situation: Situation, trigger: SnapshotTriggerType, nonce: int | None = None
) -> Step | None:
    """Record the trigger and send it; None while another one is pending."""
    info, facts = _info(situation.status), situation.facts
    if info.trigger_id:
        return None
    kind = situation.option("checkpoint.type", CheckpointType.FULL.value).upper()
    pending = info.model_copy(
        update={
            "trigger_id": facts.new_id,
            "trigger_timestamp": facts.now,
            "trigger_type": trigger,
            "format_type": CheckpointType(kind),
        }
    )
    status = revise_job(situation.status, checkpoint_info=pending)
    return Step(status, actions=(_request(situation, pending),), keep_error=True, requeue_seconds=IN_FLIGHT)


def await_checkpoint(situation: Situation) -> Step | None:
    """Applies once something became of a checkpoint that was asked for, or its request was lost."""
    info, progress = _info(situation.status), situation.facts.job.checkpoint
    if not info.trigger_id or not situation.runs:
        return None
    if progress is not None and progress.done:
        return _arrived(situation, info) if progress.failure is None else _failed(situation, progress.failure)
    limit = situation.duration("checkpoint.trigger.grace-period", "1 min")
    if situation.since(info.trigger_timestamp) > max(limit, timedelta(seconds=1)):
        return _failed(situation, "it was not complete in time")
    if progress is not None and not progress.known:
        return Step(
            situation.status, (_request(situation, info),), keep_error=True, requeue_seconds=IN_FLIGHT
        )
    return None


def _info(status: FlinkDeploymentStatus) -> CheckpointInfo:
    return status.job_status.checkpoint_info or CheckpointInfo()


def _request(situation: Situation, info: CheckpointInfo) -> TriggerCheckpoint:
    kind = info.format_type or CheckpointType.FULL
    return TriggerCheckpoint(situation.status.job_status.job_id or "", info.trigger_id or "", kind.value)


def _arrived(situation: Situation, info: CheckpointInfo) -> Step:
    is_manual = info.trigger_type is SnapshotTriggerType.MANUAL
    taken = Checkpoint(
        time_stamp=info.trigger_timestamp,
        trigger_type=info.trigger_type,
        format_type=info.format_type,
        trigger_nonce=situation.baseline_job.checkpoint_trigger_nonce if is_manual else None,
    )
    done = info.model_copy(update={**_NOT_PENDING, "last_checkpoint": taken})
    return Step(
        revise_job(situation.status, checkpoint_info=done), keep_error=True, requeue_seconds=IN_FLIGHT
    )


def _failed(situation: Situation, why: str) -> Step:
    """Told once; the next nonce, or the clock, asks again."""
    status = revise_job(
        situation.status, checkpoint_info=_info(situation.status).model_copy(update=_NOT_PENDING)
    )
    problem = Problem(Reason.CHECKPOINT_ERROR, f"{Reason.CHECKPOINT_ERROR.sentence} ({why})", "Job")
    said = Event(problem.reason, problem.message, "Job")
    return Step(status, events=(said,), keep_error=True, requeue_seconds=IN_FLIGHT)
