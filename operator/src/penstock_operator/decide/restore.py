"""Which state a start restores, and under which job id (Decision 11). Called by the rules that start a job. Pure."""

from dataclasses import dataclass

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobSpec, JobState, RestorePolicy, UpgradeMode
from penstock_api.v1beta1.status import ReconciliationState
from penstock_operator.decide.rolling import is_same, stable_spec
from penstock_operator.decide.situation import Situation
from penstock_operator.decide.specs import decode_spec
from penstock_operator.decide.warm import goes_on
from penstock_operator.model.facts import ClusterFacts, JobFacts, Problem, Snapshot


@dataclass(frozen=True, slots=True)
class Restore:
    """Start under this id, from this path (None: from nothing). `is_new_line`: older state no longer counts."""

    job_id: str
    path: str | None
    is_new_line: bool = False


def wants_state(resource: FlinkDeployment, cluster: ClusterFacts, job: JobFacts | None = None) -> bool:
    """Whether a start may be next, so that the state on storage has to be looked up. Asked by `observe/`."""
    is_fenced = not cluster.processes_left or goes_on(resource, job or JobFacts(), cluster)
    if resource.metadata.deletion_timestamp is not None or not is_fenced:
        return False
    held = resource.status.reconciliation_status
    deployed, wanted = decode_spec(held.last_reconciled_spec), resource.spec.job
    if deployed is None:
        return True
    is_suspended = deployed.job is not None and deployed.job.state is JobState.SUSPENDED
    is_upgrading = held.state is ReconciliationState.UPGRADING
    return is_suspended and (is_upgrading or wanted is None or wanted.state is JobState.RUNNING)


def redeploy_path(resource: FlinkDeployment) -> str | None:
    """The state that a new `savepointRedeployNonce` asks for, before anything is stopped for it; None if none does."""
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    job = resource.spec.job
    if deployed is None or deployed.job is None or job is None or job.state is not JobState.RUNNING:
        return None
    nonce = job.savepoint_redeploy_nonce
    is_new = nonce is not None and nonce != deployed.job.savepoint_redeploy_nonce
    return job.initial_savepoint_path if is_new else None


def restore_policy(resource: FlinkDeployment) -> RestorePolicy:
    """What counts for the next start. A recovery is no upgrade: what it restores is the newest, unless the job is stateless."""
    job, status = resource.spec.job or JobSpec(), resource.status
    is_upgrade = status.observed_generation != resource.metadata.generation
    if is_upgrade or job.upgrade_mode is UpgradeMode.STATELESS:
        return job.effective_restore_policy
    return RestorePolicy.LATEST


def named_path(resource: FlinkDeployment) -> str | None:
    """The state that the owner named and that counts alone: no job of this line has run yet."""
    status = resource.status.job_status
    if status.job_ids:
        return None
    if resource.status.reconciliation_status.last_reconciled_spec is None:
        return resource.spec.job.initial_savepoint_path if resource.spec.job else None
    return status.upgrade_savepoint_path


def choose_restore(situation: Situation) -> Restore | Problem:
    """What to start from, or why not to start."""
    facts, status = situation.facts, situation.status.job_status
    named = named_path(facts.resource)
    problem = facts.state.problem
    if problem is not None and problem.reason is Reason.CHECKPOINT_STORAGE_UNAVAILABLE:
        return problem  # also for a stateless job: it could not complete a checkpoint there
    policy = _policy(situation)
    if policy is RestorePolicy.NONE and not named:
        return Restore(facts.new_id, None, is_new_line=True)
    if not facts.state.looked_up:
        return Problem(Reason.CHECKPOINT_STORAGE_UNAVAILABLE, "The state on storage was not looked up yet")
    if problem is not None:
        return problem
    found = facts.state.newest_complete
    if found is not None:
        # Older state than the newest was asked for: the newer must not come back at the next start.
        is_new_line = policy is RestorePolicy.SAVEPOINT and not named
        return Restore(facts.new_id, found.path, is_new_line=True) if is_new_line else _from(found, situation)
    if named:
        return Problem(Reason.STATE_NOT_FOUND, f"{named} is not a complete savepoint or checkpoint")
    if facts.state.unrecorded is not None and not situation.wanted_job.allow_empty_state:
        return _unrecorded(facts.state.unrecorded)
    if _had_state(situation) and not situation.wanted_job.allow_empty_state:
        if policy is RestorePolicy.SAVEPOINT:
            sentence = "spec.job.restorePolicy is savepoint and there is none: set it to latest, or name one"
            return Problem(Reason.STATE_NOT_FOUND, sentence)
        return _refusal(situation)
    return Restore(facts.new_id, None, is_new_line=not status.job_ids)


def _policy(situation: Situation) -> RestorePolicy:
    """The owner's; while the spec is refused, what was deployed goes on as it was."""
    if not situation.is_refused:
        return restore_policy(situation.facts.resource)
    return RestorePolicy.NONE if situation.is_stateless else RestorePolicy.LATEST


def _from(found: Snapshot, situation: Situation) -> Restore:
    """The job keeps its id where its JobManager would find the very same checkpoint by itself; one that is over does not."""
    facts, current = situation.facts, situation.status.job_status.job_id
    is_newest = facts.state.snapshots[0] == found and not _may_be_rolled_back(situation)
    if current not in situation.status.job_status.job_ids:
        current = None  # another line of state: what its JobManager would find by itself does not count
    state = situation.job_state
    is_over = state is not None and state.is_terminal
    if (
        is_newest
        and not is_over
        and not found.is_savepoint
        and current is not None
        and found.job_id == current
    ):
        return Restore(current, found.path)
    return Restore(facts.new_id, found.path)


def _may_be_rolled_back(situation: Situation) -> bool:
    """A version on trial runs under an id of its own: under the old one it would delete the state to go back to."""
    stable = stable_spec(situation.status)
    is_on_trial = stable is not None and not is_same(stable, situation.wanted)
    return is_on_trial and situation.flag("deployment.rollback.enabled")


def _had_state(situation: Situation) -> bool:
    """Whether there is evidence of state: recorded earlier, or present and broken."""
    status = situation.status.job_status
    savepoint = status.savepoint_info.last_savepoint if status.savepoint_info else None
    recorded = status.last_checkpoint is not None or status.upgrade_savepoint_path is not None
    return recorded or savepoint is not None or bool(situation.facts.state.snapshots)


def _unrecorded(path: str) -> Problem:
    sentence = (
        f"The status names no state, and {path} is this resource's newest: set spec.job.initialSavepointPath to go on "
        "from there, or allowEmptyState to begin anew"
    )
    return Problem(Reason.EMPTY_STATE_REFUSED, sentence)


def _refusal(situation: Situation) -> Problem:
    status, broken = situation.status.job_status, situation.facts.state.snapshots
    if broken:
        seen = f"{broken[0].path} is incomplete"
    elif status.last_checkpoint is not None and status.last_checkpoint.path:
        seen = f"{status.last_checkpoint.path} is gone"
    else:
        seen = f"{status.upgrade_savepoint_path} is gone"
    return Problem(Reason.EMPTY_STATE_REFUSED, f"{Reason.EMPTY_STATE_REFUSED.sentence} ({seen})")
