"""Nothing shall run: end JobManager and TaskManagers and wait until they are gone (Decision 12's fence).

Past the deadline the reason is shown and nothing starts: two attempts at one job must never run side by side.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.decide.revise import revise_job
from penstock_operator.decide.situation import IN_FLIGHT, UNSETTLED, Situation, Step
from penstock_operator.decide.warm import left_beside
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Stop


def finish_stop(situation: Situation) -> Step | None:
    """Applies while the reconciled spec is suspended and anything of the job still runs."""
    cluster = situation.facts.cluster
    if not situation.is_suspended:
        return None
    left = cluster.processes_left + left_beside(situation)
    if not (left or cluster.job_manager_exists or cluster.task_managers_exist):
        return None
    state = situation.job_state
    status = situation.status
    if state is None or not state.is_terminal:
        status = revise_job(status, state=FlinkJobState.SUSPENDED)
    began = status.reconciliation_status.reconciliation_timestamp
    is_late = situation.since(began) > situation.duration("resource.cleanup.timeout", "5 min")
    sentence = f"{Reason.OLD_JOB_STILL_RUNNING.sentence} ({left} left)"
    return Step(
        status,
        actions=(Stop(),),
        problem=Problem(Reason.OLD_JOB_STILL_RUNNING, sentence) if is_late else None,
        keep_error=not is_late,
        requeue_seconds=UNSETTLED if is_late else IN_FLIGHT,
    )
