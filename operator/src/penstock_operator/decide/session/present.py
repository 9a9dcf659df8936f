"""How the status of a session cluster presents itself: lifecycle state, conditions, error. Called by `cluster.py`. Pure."""

from datetime import UTC, datetime

from penstock_api.reasons import Reason
from penstock_api.v1beta1.conditions import Condition, ConditionStatus, ConditionType, set_condition
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    JobManagerDeploymentStatus,
    LifecycleState,
    ReconciliationState,
)
from penstock_operator.decide.present import error_text
from penstock_operator.model.facts import Facts, Problem

_RUNNING_REASONS = {
    JobManagerDeploymentStatus.READY: "JobManagerReady",
    JobManagerDeploymentStatus.DEPLOYED_NOT_READY: "DeployedNotReady",
    JobManagerDeploymentStatus.DEPLOYING: "JobManagerIsDeploying",
    JobManagerDeploymentStatus.MISSING: "JobManagerDeploymentMissing",
    JobManagerDeploymentStatus.ERROR: "Error",
}
"""Upstream's words."""


def present_session(
    status: FlinkDeploymentStatus, problem: Problem | None, facts: Facts
) -> FlinkDeploymentStatus:
    """The status with everything that follows from it filled in."""
    revised = status.model_copy(update={"error": error_text(problem)})
    revised = revised.model_copy(update={"lifecycle_state": _lifecycle(revised, facts.is_deleting)})
    moment = datetime.fromtimestamp(facts.now / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = revised.conditions
    for condition in _conditions(revised, problem, facts.resource.metadata.generation):
        conditions = set_condition(conditions, condition, moment)
    return revised.model_copy(update={"conditions": conditions})


def _lifecycle(status: FlinkDeploymentStatus, is_deleting: bool) -> LifecycleState:
    held = status.reconciliation_status
    if is_deleting:
        return LifecycleState.DELETING
    if held.last_reconciled_spec is None:
        return LifecycleState.FAILED if status.error else LifecycleState.CREATED
    if held.state is ReconciliationState.UPGRADING:
        return LifecycleState.UPGRADING
    if held.last_reconciled_spec == held.last_stable_spec:
        return LifecycleState.STABLE
    return LifecycleState.DEPLOYED


def _conditions(
    status: FlinkDeploymentStatus, problem: Problem | None, generation: int | None
) -> list[Condition]:
    manager, life = status.job_manager_deployment_status, status.lifecycle_state
    runs = manager is JobManagerDeploymentStatus.READY
    word = "".join(part.capitalize() for part in life.value.split("_")) if life else "Unknown"
    is_ready = runs and problem is None and life is LifecycleState.STABLE
    sentence = problem.message if problem else f"{word}."

    def made(kind: ConditionType, holds: bool, why: str, message: str) -> Condition:
        return Condition(
            type=kind.value,
            status=ConditionStatus.TRUE if holds else ConditionStatus.FALSE,
            reason=why,
            message=message,
            observed_generation=generation,
        )

    why = problem.reason.value if problem else word
    said = problem or Problem(Reason.RECONCILED, Reason.RECONCILED.sentence)
    return [
        made(ConditionType.RUNNING, runs, _RUNNING_REASONS[manager], f"The JobManager is {manager.value}."),
        made(ConditionType.READY, is_ready, why, sentence),
        made(
            ConditionType.PROGRESSING,
            life not in (LifecycleState.STABLE, LifecycleState.FAILED),
            word,
            f"{word}.",
        ),
        made(ConditionType.DEGRADED, problem is not None, said.reason.value, said.message),
    ]
