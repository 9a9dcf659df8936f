"""Everything is stopped: start the wanted spec, or stay suspended if that is what is wanted."""

from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkJobState, ReconciliationState
from penstock_operator.decide.revise import record_spec, revise_job, revise_reconciliation
from penstock_operator.decide.rules.start import start
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.decide.specs import with_job_state


def resume(situation: Situation) -> Step | None:
    """Applies once the reconciled spec is suspended and nothing of the job runs."""
    if not situation.is_suspended:
        return None
    if situation.wants_running:
        return start(situation)
    # The upgrade mode of the stop is kept: it says how the next start finds its state.
    kept = with_job_state(situation.wanted, JobState.SUSPENDED, situation.baseline_job.upgrade_mode)
    status = record_spec(situation.status, kept, situation.facts.resource.metadata.generation)
    status = revise_reconciliation(
        status,
        state=ReconciliationState.DEPLOYED,
        upgrade_generation=None,
        last_stable_spec=status.reconciliation_status.last_reconciled_spec,
    )
    if status.job_status.state is None or not status.job_status.state.is_terminal:
        status = revise_job(status, state=FlinkJobState.SUSPENDED if status.job_status.job_id else None)
    return Step(status)
