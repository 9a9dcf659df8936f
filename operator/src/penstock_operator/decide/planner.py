"""The planner: asks the rules in order, and completes the first answer to a plan. Called by `reconcile/loop.py`. Pure."""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, ReconciliationState
from penstock_operator.decide.autoscaling import overlay
from penstock_operator.decide.failures import overcome
from penstock_operator.decide.history import keep_revision, with_history
from penstock_operator.decide.inline_secrets import warned
from penstock_operator.decide.present import error_text, is_said, present
from penstock_operator.decide.refresh import record_newest, refresh
from penstock_operator.decide.rolling import leave_or_stay, plain, with_restore_point
from penstock_operator.decide.rules import RULES
from penstock_operator.decide.scale_to_zero import is_at_zero, is_waking
from penstock_operator.decide.session.cluster import decide_session, is_session
from penstock_operator.decide.session.present import present_session
from penstock_operator.decide.situation import IN_FLIGHT, UNSETTLED, Situation, Step
from penstock_operator.decide.snapshot.asking import upgrade_snapshot
from penstock_operator.decide.specs import decode_spec, with_job_state
from penstock_operator.decide.stopping import upgrade_wait
from penstock_operator.decide.warm import failed
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.plan import (
    Action,
    CancelJob,
    Deploy,
    Event,
    Plan,
    RefreshCopies,
    Stop,
    TriggerSavepoint,
)
from penstock_operator.model.warm import beside

RECOVERY = "jm-deployment-recovery.enabled"
LONGEST_SILENCE = timedelta(seconds=60)
"""Of a JobManager whose process runs. It answers a second after its start, some more on a busy node."""


def decide(facts: Facts) -> Plan:
    """What to do now. Total: every situation has an answer, the last rule sees to that."""
    if is_session(facts):
        return warned(decide_session(facts), facts)
    situation = _situation(facts)
    for rule in RULES:
        step = rule(situation)
        if step is not None:
            return warned(_complete(rule.__name__, step, situation), facts)
    raise AssertionError("the last rule always applies")


def failed_plan(facts: Facts, status: FlinkDeploymentStatus, problem: Problem) -> FlinkDeploymentStatus:
    """The status after an action of the plan failed: the same, with the reason. Called by the loop."""
    return (present_session if is_session(facts) else present)(status, problem, facts)


def _is_silent(situation: Situation) -> bool:
    """Whether a JobManager that runs has not answered for longer than one may take to start or to recover."""
    facts, status = situation.facts, situation.status
    if facts.job.reachable or not facts.cluster.job_manager_exists or not situation.is_deployed:
        return False
    heard = max(
        int(status.job_status.update_time or 0), status.reconciliation_status.reconciliation_timestamp or 0
    )
    state = situation.job_state
    return situation.since(heard) > LONGEST_SILENCE and not (state is not None and state.is_terminal)


def _situation(facts: Facts) -> Situation:
    status = plain(refresh(facts))
    deployed = decode_spec(status.reconciliation_status.last_reconciled_spec)
    wanted = facts.resource.spec
    if facts.problems and deployed is not None:
        wanted = deployed
        is_upgrading = status.reconciliation_status.state is ReconciliationState.UPGRADING
        if is_upgrading or is_waking(status.autoscaler):
            # Stopped only to be started again: the refused spec must not keep the last good job down.
            wanted = with_job_state(deployed, JobState.RUNNING)
    else:
        status, wanted = leave_or_stay(status, wanted)
        wanted = overlay(wanted, status.autoscaler)
    return Situation(facts, status, wanted, deployed)


def _complete(rule: str, step: Step, situation: Situation) -> Plan:
    facts, old = situation.facts, situation.facts.resource.status
    problem = step.problem or _seen_problem(situation)
    waiting = upgrade_wait(situation)
    held = record_newest(facts, step.status, now=_depends_on_state(step))
    status = present(with_restore_point(situation.status, held, facts), problem, facts, waiting)
    after = None
    if step.after is not None:
        reached = with_restore_point(situation.status, step.after, facts)
        after = present(reached, problem or _rolled_back(reached), facts, waiting)
    if problem is None and step.keep_error:
        status = _with_old_error(status, facts)
        after = _with_old_error(after, facts) if after is not None else None
    status = with_history(old, status, facts)
    after = with_history(old, after.model_copy(update={"history": status.history}), facts) if after else None
    # At zero nobody changed the spec: the autoscaler says itself what it does.
    is_own = is_at_zero(step.status.autoscaler)
    events = [one for one in step.events if not (is_own and one.reason is Reason.SPEC_CHANGED)]
    before, now = old.job_status.state, step.status.job_status.state
    if before is not now and now is not None:
        sentence = f"Job status changed from {before.value if before else 'none'} to {now.value}"
        events.append(Event(Reason.JOB_STATUS_CHANGED, sentence, "Job"))
    events += overcome(facts, status)
    if problem is not None and old.error != error_text(problem):
        events.append(Event(problem.reason, problem.message, problem.component))
    if waiting is not None and not is_said(old, waiting):
        events.append(Event(waiting.reason, waiting.message, "Job"))
    again = min(step.requeue_seconds, UNSETTLED) if waiting is not None else step.requeue_seconds
    if beside(status) is not None:
        again = min(again, IN_FLIGHT)
    actions = (*_actions(step, facts, status), *upgrade_snapshot(situation, status))
    return Plan(rule, status, actions, after, tuple(events), again)


def _depends_on_state(step: Step) -> bool:
    """Whether the step stops the job, so that what it left last must be in the status."""
    is_stopping = step.status.reconciliation_status.state is ReconciliationState.UPGRADING
    return is_stopping or any(
        isinstance(action, Stop | CancelJob | TriggerSavepoint) for action in step.actions
    )


def _actions(step: Step, facts: Facts, status: FlinkDeploymentStatus) -> tuple[Action, ...]:
    """The step's own; where it has none, copies that fell behind are refreshed, whatever state the job is in."""
    kept = keep_revision(status) if any(isinstance(action, Deploy) for action in step.actions) else None
    if kept is not None:
        return (*step.actions[:-1], kept, *step.actions[-1:])
    if step.actions or facts.is_deleting or not facts.cluster.stale_copies:
        return step.actions
    return (RefreshCopies(),)


def _with_old_error(status: FlinkDeploymentStatus, facts: Facts) -> FlinkDeploymentStatus:
    return status.model_copy(update={"error": facts.resource.status.error})


def _seen_problem(situation: Situation) -> Problem | None:
    """What is wrong without any rule saying so: the spec, the processes, the program, the job."""
    facts = situation.facts
    if facts.problems:
        return facts.problems[0]
    if facts.is_deleting or situation.is_suspended:
        return None
    is_over = situation.job_state in (FlinkJobState.FINISHED, FlinkJobState.CANCELED)
    if facts.cluster.problem is not None and not is_over:
        return facts.cluster.problem
    application = facts.job.application
    if application is not None and application.status == "FAILED":
        return Problem(application.reason or Reason.PROGRAM_FAILED, application.message, "Job")
    if facts.job.failure is not None:
        return facts.job.failure
    if (missing := _missing(situation)) is not None:
        return missing
    if _is_silent(situation):
        return Problem(Reason.JOB_MANAGER_UNREACHABLE, Reason.JOB_MANAGER_UNREACHABLE.sentence, "JobManager")
    if situation.job_state is FlinkJobState.FAILED:
        return Problem(Reason.JOB_FAILED, Reason.JOB_FAILED.sentence, "Job")
    if (waits_for_owner := failed(situation)) is not None:
        return waits_for_owner
    newest = facts.job.last_checkpoint
    if newest is not None and not newest.is_complete:
        sentence = f"{newest.path} was completed and is not whole: a restart would go back to an older one"
        return Problem(Reason.STATE_INCOMPLETE, sentence, "Job")
    return _rolled_back(situation.status)


def _missing(situation: Situation) -> Problem | None:
    """A JobManager that is not made again, or one that does not know the job that it was made for."""
    facts, state = situation.facts, situation.job_state
    if not situation.is_deployed or (state is not None and state.is_terminal):
        return None
    if not facts.cluster.job_manager_exists and not situation.flag(RECOVERY, default=True):
        what = "JobManager" if facts.cluster.owns_task_managers else "job"
        sentence = f"The {what} is missing and is not started again: kubernetes.operator.{RECOVERY} is false"
        return Problem(Reason.MISSING, sentence, "JobManagerDeployment")
    deployed = situation.status.reconciliation_status.reconciliation_timestamp
    is_unknown = facts.job.reachable and facts.job.state is None and facts.job.application is None
    if is_unknown and facts.cluster.job_manager_exists and situation.since(deployed) > LONGEST_SILENCE:
        sentence = f"{Reason.JOB_NOT_FOUND.sentence} ({situation.status.job_status.job_id})"
        return Problem(Reason.JOB_NOT_FOUND, sentence, "Job")
    return None


def _rolled_back(status: FlinkDeploymentStatus) -> Problem | None:
    """What stands beside a last stable spec that is deployed in place of the wanted one."""
    held = status.reconciliation_status
    if held.rollback is None or held.state is not ReconciliationState.DEPLOYED:
        return None
    why = f"({held.rollback.reason}: {held.rollback.message})"
    return Problem(Reason.ROLLED_BACK, f"{Reason.ROLLED_BACK.sentence} {why}")
