"""How a status presents itself: lifecycle state, conditions, error. Called by the planner on every status it returns."""

import json
from datetime import UTC, datetime

from penstock_api.reasons import Reason
from penstock_api.v1beta1.conditions import Condition, ConditionStatus, ConditionType, set_condition
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    LifecycleState,
    ReconciliationState,
    SavepointPurpose,
)
from penstock_operator.decide.rolling import show_rollback
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.facts import Facts, Problem

MAX_MESSAGE = 2048
"""Longest message in `status.error`, as upstream's default."""


def present(
    status: FlinkDeploymentStatus, problem: Problem | None, facts: Facts, waiting: Problem | None = None
) -> FlinkDeploymentStatus:
    """The status with everything that follows from it filled in; `waiting` says why a change is not begun yet."""
    revised = show_rollback(status).model_copy(update={"error": error_text(problem)})
    revised = revised.model_copy(update={"lifecycle_state": lifecycle_of(revised, facts.is_deleting)})
    moment = datetime.fromtimestamp(facts.now / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = revised.conditions
    for condition in _conditions(revised, problem, facts.resource.metadata.generation, waiting):
        conditions = set_condition(conditions, condition, moment)
    return revised.model_copy(update={"conditions": conditions})


def error_text(problem: Problem | None) -> str | None:
    """`status.error`: JSON as upstream writes it, the reason as its type; None when nothing is wrong."""
    if problem is None:
        return None
    body = {
        "type": problem.reason.value,
        "message": problem.message[:MAX_MESSAGE],
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
        return LifecycleState.FAILED if status.error else LifecycleState.CREATED
    is_suspended = spec.job is not None and spec.job.state is JobState.SUSPENDED
    pending = status.pending_savepoint
    is_stopping = pending is not None and pending.purpose in (
        SavepointPurpose.UPGRADE,
        SavepointPurpose.SUSPEND,
    )
    if held.state is ReconciliationState.ROLLING_BACK:
        return LifecycleState.ROLLING_BACK
    is_scaling = status.scaling is not None and status.scaling.done is False
    if held.state is ReconciliationState.UPGRADING or is_stopping or is_scaling:
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


def _conditions(
    status: FlinkDeploymentStatus,
    problem: Problem | None,
    generation: int | None,
    waiting: Problem | None,
) -> list[Condition]:
    state, life = status.job_status.state, status.lifecycle_state
    runs = state is FlinkJobState.RUNNING
    settled = life in (LifecycleState.STABLE, LifecycleState.SUSPENDED, LifecycleState.FAILED)
    finished = life is LifecycleState.STABLE and state is FlinkJobState.FINISHED
    ready = problem is None and ((life is LifecycleState.STABLE and (runs or finished)) or _rests(life))
    word = _word(state.value if state else "Unknown")
    life_word = _word(life.value) if life else "Unknown"
    sentence = problem.message if problem else _sentence(status)
    reason = problem.reason.value if problem else life_word

    def made(kind: ConditionType, holds: bool, why: str, message: str) -> Condition:
        return Condition(
            type=kind.value,
            status=ConditionStatus.TRUE if holds else ConditionStatus.FALSE,
            reason=why,
            message=message,
            observed_generation=generation,
        )

    return [
        made(ConditionType.RUNNING, runs, word, f"The job is {state.value if state else 'not known'}."),
        made(ConditionType.READY, ready, reason, sentence),
        made(
            ConditionType.PROGRESSING,
            waiting is not None or not settled,
            waiting.reason.value if waiting else life_word,
            waiting.message if waiting else _sentence(status),
        ),
        made(
            ConditionType.DEGRADED,
            problem is not None,
            problem.reason.value if problem else Reason.RECONCILED.value,
            problem.message if problem else Reason.RECONCILED.sentence,
        ),
    ]


def _rests(life: LifecycleState | None) -> bool:
    return life is LifecycleState.SUSPENDED


def _word(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("_"))


def _sentence(status: FlinkDeploymentStatus) -> str:
    pending = status.pending_savepoint
    if pending is not None and pending.purpose is not None:
        return f"Waiting for the savepoint of {pending.purpose.value.lower()}."
    life = status.lifecycle_state
    return f"{_word(life.value)}." if life else "Unknown."
