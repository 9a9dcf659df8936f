"""The job runs and yet does not work: it restarts too often, or completes no checkpoint. Start it anew, on new processes.

Off unless `kubernetes.operator.cluster.health-check.enabled`. The newest state is restored, so no high availability is
needed; a job without state starts empty.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.job import UpgradeMode
from penstock_operator.decide.health import unhealthy as find_fault
from penstock_operator.decide.revise import begin_stop
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.model.plan import Event


def unhealthy(situation: Situation) -> Step | None:
    """Applies to a deployed job that its health check finds ill; a job that is over is none of its business."""
    if not situation.is_deployed or situation.is_suspended:
        return None
    fault = find_fault(situation)
    if fault is None:
        return None
    is_stateless = situation.baseline_job.upgrade_mode is UpgradeMode.STATELESS
    mode = UpgradeMode.STATELESS if is_stateless else UpgradeMode.LAST_STATE
    status = begin_stop(situation.status, situation.baseline, mode, situation.facts.now)
    said = Event(Reason.RESTART_UNHEALTHY_JOB, fault.message, "Job")
    return Step(status, events=(said,), problem=fault, requeue_seconds=0.0)
