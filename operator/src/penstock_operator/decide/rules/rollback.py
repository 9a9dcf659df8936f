"""The new spec does not work: go back to the last stable one, from the state that was taken before the upgrade.

Needs no high availability and no same program version: the state was written by the stable spec itself, and the start
is under a new job id, so that nothing of what the rejected version wrote is restored. Off unless
`kubernetes.operator.deployment.rollback.enabled`. A new spec of the owner leaves the rollback, whatever its state.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import UpgradeMode
from penstock_api.v1beta1.status import FlinkJobState, RollbackStatus
from penstock_operator.decide.health import is_stable, may_become_stable
from penstock_operator.decide.revise import begin_stop, forget_state, revise_job, revise_reconciliation
from penstock_operator.decide.rolling import is_same, stable_spec
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.decide.specs import encode_spec
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event

READINESS_TIMEOUT = "5 min"


def rollback(situation: Situation) -> Step | None:
    """Applies to a changed spec that failed for good, or is not stable in time and not about to be."""
    stable = _goal(situation)
    why = _why(situation) if stable is not None else None
    if stable is None or why is None:
        return None
    held, facts = situation.status.reconciliation_status, situation.facts
    assert stable.job is not None  # noqa: S101 - stable_spec answers with a job only
    mode = UpgradeMode.LAST_STATE
    if stable.job.upgrade_mode is UpgradeMode.STATELESS:
        mode = UpgradeMode.STATELESS
    status = begin_stop(situation.status, stable, mode, facts.now)
    point = held.restore_point.path if held.restore_point is not None else None
    path = None if mode is UpgradeMode.STATELESS else point
    status = revise_job(forget_state(status), upgrade_savepoint_path=path, state=FlinkJobState.SUSPENDED)
    status = revise_reconciliation(
        status,
        last_stable_spec=encode_spec(stable),
        restore_point=None,
        rollback=RollbackStatus(
            rejected_spec=encode_spec(situation.baseline),
            reason=why.reason.value,
            message=why.message,
            began=facts.now,
        ),
    )
    origin = f"from {path}" if path else "without state"
    said = Event(Reason.ROLLBACK, f"Rolling back to the last stable spec, {origin}: {why.message}")
    return Step(status, events=(said,), requeue_seconds=0.0)


def _goal(situation: Situation) -> FlinkDeploymentSpec | None:
    """The spec to go back to, if there is one and the owner lets it be used."""
    held = situation.status.reconciliation_status
    if held.rollback is not None or held.restore_point is None or situation.is_suspended:
        return None
    if not situation.flag("deployment.rollback.enabled"):
        return None
    stable = stable_spec(situation.status)
    return None if stable is None or is_same(stable, situation.baseline) else stable


def _why(situation: Situation) -> Problem | None:
    """What is wrong with the new spec; None while it may still become stable."""
    facts, held = situation.facts, situation.status.reconciliation_status
    cause = facts.cluster.problem or _program(situation) or facts.job.failure
    if situation.job_state is FlinkJobState.FAILED and not situation.flag("job.restart.failed"):
        return cause or Problem(Reason.JOB_FAILED, Reason.JOB_FAILED.sentence, "Job")
    timeout = situation.duration("deployment.readiness.timeout", READINESS_TIMEOUT)
    # Measured from the upgrade: a restart of the unhealthy or failed job gives it no more time.
    began = held.restore_point.recorded_at if held.restore_point is not None else None
    if situation.since(began) <= timeout:
        return None
    if is_stable(situation) or may_become_stable(situation, began, timeout):
        return None
    sentence = Reason.NOT_STABLE_IN_TIME.sentence
    if cause is not None:
        return Problem(cause.reason, f"{sentence} {cause.message}", cause.component)
    return Problem(Reason.NOT_STABLE_IN_TIME, sentence, "Job")


def _program(situation: Situation) -> Problem | None:
    application = situation.facts.job.application
    if application is None or application.status != "FAILED":
        return None
    return Problem(application.reason or Reason.PROGRAM_FAILED, application.message, "Job")
