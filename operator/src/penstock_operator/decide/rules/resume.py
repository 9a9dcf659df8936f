"""Everything is stopped: start the wanted spec, or stay suspended if that is what is wanted."""

from dataclasses import replace

from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.job import JobState, StopPolicy
from penstock_api.v1beta1.status import FlinkJobState, ReconciliationState
from penstock_operator.decide.revise import record_spec, revise_job, revise_reconciliation
from penstock_operator.decide.rules.start import start
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.decide.specs import with_job_state
from penstock_operator.decide.stopping import may_fall_back
from penstock_operator.decide.warm import failed


def resume(situation: Situation) -> Step | None:
    """Applies once the reconciled spec is suspended and nothing of the job runs."""
    if not situation.is_suspended:
        return None
    if situation.wants_running:
        is_old_wanted = _waits(situation) or failed(situation) is not None
        return _start_deployed(situation) if is_old_wanted else start(situation)
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


def _waits(situation: Situation) -> bool:
    """Whether what was stopped is only recovered, and the change that is wanted meanwhile must be made with a savepoint."""
    stopped_for = situation.status.reconciliation_status.upgrade_generation
    is_savepoint = situation.wanted_job.effective_stop_policy is StopPolicy.SAVEPOINT
    if stopped_for is not None or not is_savepoint or not situation.status.job_status.job_ids:
        return False
    is_recovery = situation.status.reconciliation_status.state is ReconciliationState.UPGRADING
    before = with_job_state(situation.baseline, JobState.RUNNING)
    return (
        is_recovery and diff_cost(before, situation.wanted)[0] > Cost.IGNORE and not may_fall_back(situation)
    )


def _start_deployed(situation: Situation) -> Step:
    """The old version again; the change stays to be made."""
    step = start(replace(situation, wanted=with_job_state(situation.baseline, JobState.RUNNING)))
    seen: dict[str, object] = {"observed_generation": situation.status.observed_generation}
    if step.status.warm is None:
        seen["warm"] = situation.status.warm  # what did not come up is not tried again because of this
    after = step.after.model_copy(update=seen) if step.after is not None else None
    return replace(step, status=step.status.model_copy(update=seen), after=after)
