"""How a status presents itself: lifecycle state, conditions, error. Called by the planner on every status it returns."""

import json
from datetime import UTC, datetime

from penstock_api.v1beta1.conditions import ConditionType, set_condition
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    LifecycleState,
    ReconciliationState,
    SavepointPurpose,
)
from penstock_api.v1beta1.warm import WarmPhase
from penstock_operator.decide.conditions import conditions
from penstock_operator.decide.rolling import show_rollback
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.redaction import redacted

MAX_MESSAGE = 2048
"""Longest message in `status.error`, as upstream's default."""


def present(
    status: FlinkDeploymentStatus, problem: Problem | None, facts: Facts, waiting: Problem | None = None
) -> FlinkDeploymentStatus:
    """The status with everything that follows from it filled in; `waiting` says why a change is not begun yet."""
    revised = show_rollback(status).model_copy(update={"error": error_text(problem)})
    if facts.problems:  # the refusal is what this generation was answered with
        revised = revised.model_copy(update={"observed_generation": facts.resource.metadata.generation})
    revised = revised.model_copy(update={"lifecycle_state": lifecycle_of(revised, facts.is_deleting)})
    moment = datetime.fromtimestamp(facts.now / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    held = revised.conditions
    for condition in conditions(revised, problem, facts, waiting):
        held = set_condition(held, condition, moment)
    return revised.model_copy(update={"conditions": held})


def error_text(problem: Problem | None) -> str | None:
    """`status.error`: JSON as upstream writes it, the reason as its type; None when nothing is wrong."""
    if problem is None:
        return None
    body = {
        "type": problem.reason.value,
        "message": redacted(problem.message)[:MAX_MESSAGE],
        "additionalMetadata": {"reason": problem.reason.value},
        "throwableList": [],
    }
    return json.dumps(body)


def lifecycle_of(status: FlinkDeploymentStatus, is_deleting: bool = False) -> LifecycleState:
    """The lifecycle state, in upstream's order of questions."""
    held = status.reconciliation_status
    if is_deleting:
        return LifecycleState.DELETING
    spec = decode_spec(held.last_reconciled_spec)
    if spec is None:
        # A job without a spec is one whose status was lost: it is being stopped for what is wanted.
        is_known = LifecycleState.UPGRADING if status.job_status.job_ids else LifecycleState.CREATED
        return LifecycleState.FAILED if status.error else is_known
    is_suspended = spec.job is not None and spec.job.state is JobState.SUSPENDED
    pending = status.pending_savepoint
    is_stopping = pending is not None and pending.purpose in (
        SavepointPurpose.UPGRADE,
        SavepointPurpose.SUSPEND,
    )
    if held.state is ReconciliationState.ROLLING_BACK:
        return LifecycleState.ROLLING_BACK
    is_scaling = status.scaling is not None and status.scaling.done is False
    is_cancelled = status.job_status.state is FlinkJobState.CANCELLING and held.upgrade_generation is not None
    is_warming = status.warm is not None and status.warm.phase in (
        WarmPhase.PREPARING,
        WarmPhase.READY,
        WarmPhase.DISCARDING,
    )
    if is_warming or held.state is ReconciliationState.UPGRADING or is_stopping or is_scaling or is_cancelled:
        return LifecycleState.UPGRADING
    if is_suspended:
        return LifecycleState.SUSPENDED
    if status.job_status.state is FlinkJobState.FAILED:
        return LifecycleState.FAILED
    if held.state is ReconciliationState.ROLLED_BACK:
        return LifecycleState.ROLLED_BACK
    if held.last_reconciled_spec == held.last_stable_spec:
        return LifecycleState.STABLE
    return LifecycleState.DEPLOYED


def is_said(status: FlinkDeploymentStatus, waiting: Problem) -> bool:
    """Whether the status gives this reason to wait already; its sentence may have changed since."""
    kind = ConditionType.PROGRESSING.value
    return any(held.type == kind and held.reason == waiting.reason.value for held in status.conditions)
