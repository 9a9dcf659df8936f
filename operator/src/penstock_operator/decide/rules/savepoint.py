"""Asking for a savepoint: the intent goes to the status, then the request goes out under the recorded id."""

from penstock_api.v1beta1.status import PendingSavepoint, SavepointFormatType, SavepointPurpose
from penstock_operator.decide.revise import begin_savepoint
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.model.launch import savepoint_directory
from penstock_operator.model.plan import Event, TriggerSavepoint


def ask_for_savepoint(
    situation: Situation, purpose: SavepointPurpose, events: tuple[Event, ...] = ()
) -> Step:
    """Record the trigger and send it."""
    facts = situation.facts
    pending = PendingSavepoint(trigger_id=facts.new_id, requested_at=facts.now, purpose=purpose)
    return Step(
        begin_savepoint(situation.status, pending, _format(situation)),
        actions=(savepoint_action(situation, pending),),
        events=events,
        keep_error=True,
        requeue_seconds=IN_FLIGHT,
    )


def savepoint_action(situation: Situation, pending: PendingSavepoint) -> TriggerSavepoint:
    """The request for the recorded trigger; sending it twice takes one savepoint."""
    stops = pending.purpose not in (SavepointPurpose.MANUAL, SavepointPurpose.PERIODIC)
    is_deletion = pending.purpose is SavepointPurpose.DELETION
    return TriggerSavepoint(
        job_id=situation.status.job_status.job_id or "",
        trigger_id=pending.trigger_id or "",
        directory=savepoint_directory(situation.configured),
        stop=stops,
        drain=is_deletion and situation.flag("job.drain-on-savepoint-deletion"),
        format_type=_format(situation).value,
    )


def _format(situation: Situation) -> SavepointFormatType:
    """As the owner says; one that is none of Flink's counts as the default."""
    said = situation.option("savepoint.format.type", "").upper()
    is_native = said == SavepointFormatType.NATIVE.value
    return SavepointFormatType.NATIVE if is_native else SavepointFormatType.CANONICAL
