"""How the status of a blue/green deployment presents itself: job, error, conditions. Called by its planner only."""

import json
from datetime import UTC, datetime

from penstock_api.reasons import Reason
from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeploymentStatus
from penstock_api.v1beta1.conditions import Condition, ConditionStatus, ConditionType, set_condition
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState, JobStatus
from penstock_operator.decide.blue_green.situation import is_ready
from penstock_operator.decide.present import error_text
from penstock_operator.model.blue_green import BlueGreenFacts, Color
from penstock_operator.model.facts import Problem


def present(
    status: FlinkBlueGreenDeploymentStatus,
    problem: Problem | None,
    facts: BlueGreenFacts,
    *,
    keep_error: bool,
) -> FlinkBlueGreenDeploymentStatus:
    """The status with everything that follows from it filled in."""
    error = facts.resource.status.error if keep_error and problem is None else error_text(problem)
    child = facts.side(_shown(status, facts))
    job = _job(child, status, is_wrong=error is not None)
    revised = status.model_copy(
        update={
            "error": error,
            "job_status": job,
            "observed_generation": facts.resource.metadata.generation,
        }
    )
    date = datetime.fromtimestamp(facts.now / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = revised.conditions
    for condition in _conditions(revised, facts, child):
        conditions = set_condition(conditions, condition, date)
    return revised.model_copy(update={"conditions": conditions})


def _shown(status: FlinkBlueGreenDeploymentStatus, facts: BlueGreenFacts) -> Color:
    """The side that has the job: the active one, and in a transition the old one as long as it is there."""
    state = status.blue_green_state
    if state in (Color.GREEN.active, Color.GREEN.saving):
        return Color.GREEN
    if state is Color.BLUE.rising and facts.green is not None:
        return Color.GREEN
    if state is Color.GREEN.rising and facts.blue is None:
        return Color.GREEN
    return Color.BLUE


def _job(
    child: FlinkDeployment | None, status: FlinkBlueGreenDeploymentStatus, *, is_wrong: bool
) -> JobStatus:
    """The side's own; the last that was seen, where it is gone. FAILING as upstream, while something is wrong."""
    found = status.job_status
    if child is not None and child.status.job_status.state is not None:
        found = child.status.job_status
    if is_wrong:
        return found.model_copy(update={"state": FlinkJobState.FAILING})
    return found


def _conditions(
    status: FlinkBlueGreenDeploymentStatus, facts: BlueGreenFacts, child: FlinkDeployment | None
) -> list[Condition]:
    state = status.blue_green_state
    settled = state is not None and state.is_active
    works = settled and is_ready(child)
    runs = child is not None and child.status.job_status.state is FlinkJobState.RUNNING
    word = "".join(part.capitalize() for part in (state.value if state else "INITIALIZING").split("_"))
    body = json.loads(status.error) if status.error else {}
    reason, message = body.get("type", word), body.get("message", f"{word}.")

    def made(kind: ConditionType, holds: bool, why: str, sentence: str) -> Condition:
        return Condition(
            type=kind.value,
            status=ConditionStatus.TRUE if holds else ConditionStatus.FALSE,
            reason=why,
            message=sentence,
            observed_generation=facts.resource.metadata.generation,
        )

    well = Reason.RECONCILED
    return [
        made(ConditionType.RUNNING, runs, word, f"{word}."),
        made(ConditionType.READY, works and not status.error, reason, message),
        made(ConditionType.PROGRESSING, not settled, word, f"{word}."),
        made(
            ConditionType.DEGRADED,
            bool(status.error),
            reason if status.error else well.value,
            message if status.error else well.sentence,
        ),
    ]
