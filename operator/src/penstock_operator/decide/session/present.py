"""How the status of a session cluster presents itself: lifecycle state, conditions, error. Called by `cluster.py`. Pure."""

from datetime import UTC, datetime

from penstock_api.v1beta1.conditions import set_condition
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    LifecycleState,
    ReconciliationState,
)
from penstock_operator.decide.conditions import conditions
from penstock_operator.decide.present import error_text
from penstock_operator.model.facts import Facts, Problem


def present_session(
    status: FlinkDeploymentStatus, problem: Problem | None, facts: Facts
) -> FlinkDeploymentStatus:
    """The status with everything that follows from it filled in."""
    revised = status.model_copy(update={"error": error_text(problem)})
    revised = revised.model_copy(update={"lifecycle_state": _lifecycle(revised, facts.is_deleting)})
    moment = datetime.fromtimestamp(facts.now / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if facts.problems:  # the refusal is what this generation was answered with
        revised = revised.model_copy(update={"observed_generation": facts.resource.metadata.generation})
    held = revised.conditions
    for condition in conditions(revised, problem, facts, None):
        held = set_condition(held, condition, moment)
    return revised.model_copy(update={"conditions": held})


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
