"""A step up of the autoscaler whose pods do not come: when it is given up, and what is gone back to. Pure.

Called by `reconcile/autoscaling.py`. What the owner asks for is not given up so: the rule `scale` goes on with it.
"""

from datetime import datetime

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, ScalingHeld
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState
from penstock_operator.model.facts import ClusterFacts
from penstock_operator.model.plan import Event

GRACE_SECONDS = 15.0
"""Time in which a refusal may be a passing one: the job's own quota was raised just before."""
PATIENCE = 2 / 3
"""Share of the scaling's timeout after which pods that have not come are given up: nodes may be on their way."""
_LATE_SECONDS = 900.0
"""A job that fails later than this after a step up fails for another reason."""
_UNPLACED = (Reason.FAILED_CREATE, Reason.POD_NOT_SCHEDULED)
_GUARD = "refused"


def waits_for_pods(status: FlinkDeploymentStatus, now: float) -> bool:
    """Whether it is time to look for pods that do not come: cheap, asked every turn."""
    return _begun(status, now) is not None


def refusal(status: FlinkDeploymentStatus, cluster: ClusterFacts, now: float, timeout: float) -> str | None:
    """Why the step up is given up now, in a sentence; None while it is not."""
    begun = _begun(status, now)
    scaling, problem = status.scaling, cluster.problem
    if begun is None:
        return None
    said = problem.message if problem is not None and problem.reason in _UNPLACED else ""
    if scaling is None or scaling.done is not False:
        return said or None
    if cluster.task_managers >= (scaling.task_managers or 0):
        return None
    if problem is not None and problem.reason is Reason.FAILED_CREATE:
        return said
    if now - begun < PATIENCE * timeout:
        return None
    missing = (scaling.task_managers or 0) - cluster.task_managers
    return said or f"{missing} TaskManagers were not ready after {now - begun:.0f} s"


def go_back(autoscaler: AutoscalerStatus, why: str) -> tuple[AutoscalerStatus, Event]:
    """The status with what the job ran with before, and what to say of it."""
    width = max(autoscaler.previous_overrides.values())
    sentence = f"The job goes back to a parallelism of {width}, for its new pods do not run: {why}"
    held = ScalingHeld(guard=_GUARD, reason=Reason.RESOURCE_QUOTA_REACHED.value, message=sentence)
    changes = {"overrides": autoscaler.previous_overrides, "previous_overrides": {}, "held": held}
    return autoscaler.model_copy(update=changes), Event(Reason.RESOURCE_QUOTA_REACHED, sentence)


def _begun(status: FlinkDeploymentStatus, now: float) -> float | None:
    """When the step up that still waits was begun; None if none does, or if it is too early to worry."""
    autoscaler, scaling = status.autoscaler, status.scaling
    if autoscaler is None or not autoscaler.previous_overrides or autoscaler.scaled_at is None:
        return None
    if max(autoscaler.previous_overrides.values()) >= max(autoscaler.overrides.values(), default=0):
        return None
    if scaling is not None and scaling.done is False:
        begun = (scaling.requested_at or 0) / 1000.0
        return begun if now - begun >= GRACE_SECONDS else None
    if status.job_status.state is FlinkJobState.RUNNING:
        return None
    begun = datetime.fromisoformat(autoscaler.scaled_at).timestamp()
    return begun if 2 * GRACE_SECONDS <= now - begun <= _LATE_SECONDS else None
