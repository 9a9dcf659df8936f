"""The conditions of a FlinkDeployment: Running as upstream, Ready, Progressing, Degraded, and Stalled for kstatus. Pure.

Called by `present` on every status. Each carries the generation that was looked at and a reason of the enum (Running, whose
words are upstream's, excepted). Stalled is there because kstatus (Flux, `kubectl wait` scripts, Config Sync) takes a Ready
that is False for one that is still coming: without it, what waits for its owner would be waited for until a time-out.
Its Reconciling says nothing that Ready does not, so there is none.
"""

from collections.abc import Iterator

from penstock_api.reasons import Domain, Reason
from penstock_api.v1beta1.conditions import Condition, ConditionStatus, ConditionType
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    JobManagerDeploymentStatus,
    LifecycleState,
)
from penstock_operator.decide.scale_to_zero import is_at_zero
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.redaction import redacted

_L = LifecycleState
REASON_OF: dict[LifecycleState, Reason] = {
    _L.CREATED: Reason.PENDING,
    _L.SUSPENDED: Reason.SUSPENDED,
    _L.UPGRADING: Reason.UPGRADING,
    _L.DEPLOYED: Reason.DEPLOYED,
    _L.STABLE: Reason.STABLE,
    _L.ROLLING_BACK: Reason.ROLLING_BACK,
    _L.ROLLED_BACK: Reason.ROLLED_BACK,
    _L.FAILED: Reason.JOB_FAILED,
    _L.DELETING: Reason.DELETING,
    _L.DELETED: Reason.DELETING,
}
"""The reason of a condition where nothing more is known than the lifecycle state."""
SETTLED = (_L.STABLE, _L.SUSPENDED, _L.FAILED, _L.ROLLED_BACK)
"""The operator is not on its way to anything."""
_MANAGER_WORDS = {
    JobManagerDeploymentStatus.READY: "JobManagerReady",
    JobManagerDeploymentStatus.DEPLOYED_NOT_READY: "DeployedNotReady",
    JobManagerDeploymentStatus.DEPLOYING: "JobManagerIsDeploying",
    JobManagerDeploymentStatus.MISSING: "JobManagerDeploymentMissing",
    JobManagerDeploymentStatus.ERROR: "Error",
}


def conditions(
    status: FlinkDeploymentStatus, problem: Problem | None, facts: Facts, waiting: Problem | None
) -> Iterator[Condition]:
    """Every condition, for the generation that the facts are about."""
    life = status.lifecycle_state or LifecycleState.CREATED
    yield _running(status, facts)
    yield _ready(status, life, problem, facts)
    progresses = waiting is not None or life not in SETTLED
    reason = waiting.reason if waiting is not None else REASON_OF[life]
    message = waiting.message if waiting is not None else _sentence(status, reason)
    yield _made(ConditionType.PROGRESSING, progresses, reason.value, message, facts)
    fault = problem or Problem(Reason.RECONCILED, Reason.RECONCILED.sentence)
    yield _made(ConditionType.DEGRADED, problem is not None, fault.reason.value, fault.message, facts)
    stalled = _is_stalled(status, life, problem, facts)
    why = fault if stalled else Problem(Reason.RECONCILED, "Nothing waits for the resource's owner.")
    yield _made(ConditionType.STALLED, stalled, why.reason.value, why.message, facts)


def _running(status: FlinkDeploymentStatus, facts: Facts) -> Condition:
    """Upstream's: the job of an application, the JobManager of a session cluster."""
    if facts.resource.spec.job is None:
        manager = status.job_manager_deployment_status
        holds = manager is JobManagerDeploymentStatus.READY
        sentence = f"The JobManager is {manager.value}."
        return _made(ConditionType.RUNNING, holds, _MANAGER_WORDS[manager], sentence, facts)
    state = status.job_status.state
    word = "".join(part.capitalize() for part in (state.value if state else "Unknown").split("_"))
    sentence = f"The job is {state.value if state else 'not known'}."
    return _made(ConditionType.RUNNING, state is FlinkJobState.RUNNING, word, sentence, facts)


def _ready(
    status: FlinkDeploymentStatus, life: LifecycleState, problem: Problem | None, facts: Facts
) -> Condition:
    """In place and working, or at rest as asked."""
    if problem is not None:
        return _made(ConditionType.READY, False, problem.reason.value, problem.message, facts)
    reason = REASON_OF[life]
    holds = life is LifecycleState.SUSPENDED
    if holds and is_at_zero(status.autoscaler):
        reason = Reason.SCALED_TO_ZERO
    if life is LifecycleState.STABLE:
        reason = _works(status, facts)
        holds = not reason.is_warning
    return _made(ConditionType.READY, holds, reason.value, _sentence(status, reason), facts)


def _works(status: FlinkDeploymentStatus, facts: Facts) -> Reason:
    """What a stable spec's job does now."""
    if facts.resource.spec.job is None:
        is_up = status.job_manager_deployment_status is JobManagerDeploymentStatus.READY
        return Reason.STABLE if is_up else Reason.JOB_NOT_RUNNING
    if status.job_status.state is FlinkJobState.FINISHED:
        return Reason.FINISHED
    return Reason.STABLE if status.job_status.state is FlinkJobState.RUNNING else Reason.JOB_NOT_RUNNING


def _is_stalled(
    status: FlinkDeploymentStatus, life: LifecycleState, problem: Problem | None, facts: Facts
) -> bool:
    """Whether nothing more comes by itself: the owner has to change something."""
    if problem is None or facts.is_deleting:
        return False
    is_given_up = problem.reason is Reason.WARM_UPGRADE_FAILED
    if life is LifecycleState.ROLLED_BACK or facts.problems or is_given_up:
        return True
    is_over = status.job_status.state is FlinkJobState.FAILED
    return life is LifecycleState.FAILED and (is_over or problem.reason.domain is Domain.USER)


def _sentence(status: FlinkDeploymentStatus, reason: Reason) -> str:
    pending = status.pending_savepoint
    if pending is not None and pending.purpose is not None:
        return f"Waiting for the savepoint of {pending.purpose.value.lower()}."
    return reason.sentence


def _made(kind: ConditionType, holds: bool, reason: str, message: str, facts: Facts) -> Condition:
    return Condition(
        type=kind.value,
        status=ConditionStatus.TRUE if holds else ConditionStatus.FALSE,
        reason=reason,
        message=redacted(message),
        observed_generation=facts.resource.metadata.generation,
    )
