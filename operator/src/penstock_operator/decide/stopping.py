"""How a job is stopped for a change: upstream's decision table, row by row, on our richer knowledge. Pure.

Called by the rule `change`, and by the planner for the reason of an upgrade that waits. State on storage is the truth, so
no row needs HA metadata: where upstream keeps that metadata, processes end and the newest state is restored (Decision 11).
"""

from enum import StrEnum

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.cost import Cost, diff, diff_cost
from penstock_api.v1beta1.job import RestorePolicy, StopPolicy
from penstock_api.v1beta1.status import FlinkJobState, SavepointPurpose
from penstock_operator.decide.situation import Situation
from penstock_operator.decide.specs import decode_spec
from penstock_operator.decide.warm import is_held_back
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import savepoint_directory

MAX_AGE = "job.upgrade.last-state.max.allowed.checkpoint.age"
RETENTION = "execution.checkpointing.externalized-checkpoint-retention"
_CANCELLABLE = (FlinkJobState.CREATED, FlinkJobState.RUNNING, FlinkJobState.RESTARTING)


class Stopping(StrEnum):
    """How a job is stopped."""

    STATELESS = "stateless"
    """Its processes end and its state no longer counts."""
    SAVEPOINT = "savepoint"
    """With a savepoint."""
    CANCEL = "cancel"
    """By the JobManager; then its processes end."""
    KEEP = "last-state"
    """Its processes end (if there are any); its newest state is what is left."""


def choose_stopping(situation: Situation) -> Stopping | Problem:
    """The first row that matches; a `Problem` is the reason to wait."""
    job, state = situation.wanted_job, situation.job_state
    if job.effective_stop_policy is StopPolicy.NONE:  # row 1
        is_stateless = job.effective_restore_policy is RestorePolicy.NONE
        return Stopping.STATELESS if is_stateless else Stopping.KEEP
    if state is not None and state.is_terminal:  # row 2
        return Stopping.KEEP
    if state is FlinkJobState.CANCELLING and not _is_overdue(situation):  # row 3
        return _wait(Reason.UPGRADE_WAITS_FOR_CANCELLATION)
    if situation.runs and situation.wants_running and situation.facts.upgrades_ahead:
        ahead = situation.facts.upgrades_ahead
        return Problem(Reason.UPGRADE_QUEUED, f"{Reason.UPGRADE_QUEUED.sentence} ({ahead} before it)")
    if job.effective_stop_policy is StopPolicy.SAVEPOINT:
        if situation.runs:  # row 4
            return Stopping.SAVEPOINT
        if not may_fall_back(situation):  # row 6
            return _wait(Reason.UPGRADE_WAITS_FOR_JOB)
    return _last_state(situation)  # row 5 goes on here


def upgrade_wait(situation: Situation) -> Problem | None:
    """Why a change that is wanted is not being carried out yet; None if none is, or nothing is in its way."""
    if situation.facts.is_deleting or situation.is_suspended:
        return None
    if situation.deployed is None:  # only a job whose status was lost is stopped without it
        is_lost = bool(situation.status.job_status.job_ids) and situation.status.pending_savepoint is None
        waits = choose_stopping(situation) if is_lost and situation.facts.cluster.job_manager_exists else None
        return waits if isinstance(waits, Problem) else None
    if diff_cost(situation.baseline, situation.wanted)[0] is Cost.IGNORE or is_held_back(situation):
        return None
    scaling = situation.status.scaling
    if scaling is not None and not scaling.done:
        return None
    pending = situation.status.pending_savepoint
    if pending is not None:
        is_other = pending.purpose in (SavepointPurpose.MANUAL, SavepointPurpose.PERIODIC)
        return _wait(Reason.UPGRADE_WAITS_FOR_SAVEPOINT) if is_other else None
    found = choose_stopping(situation)
    return found if isinstance(found, Problem) else None


def _last_state(situation: Situation) -> Stopping | Problem:
    """Rows 7 to 10."""
    if situation.runs:
        by_age = _by_age(situation)
        if by_age is not None:
            return by_age
        is_better_saved = _changes_version(situation) or _has_nothing_yet(situation)
        if is_better_saved and savepoint_directory(situation.configured) is not None:
            return Stopping.SAVEPOINT
    return Stopping.CANCEL if _may_cancel(situation) else Stopping.KEEP


def _by_age(situation: Situation) -> Stopping | Problem | None:
    """What the greatest allowed age of the newest checkpoint says; None where it says nothing."""
    if not situation.option(MAX_AGE, "") or savepoint_directory(situation.configured) is None:
        return None
    limit, status = situation.duration(MAX_AGE, "0 s"), situation.status.job_status
    started = status.start_time or ""
    newest = situation.facts.job.last_checkpoint
    moments = (int(started) if started.isdigit() else None, newest.timestamp if newest else None)
    if any(moment and situation.since(moment) <= limit for moment in moments):
        return None
    begun = situation.facts.job.checkpoint_begun
    if begun and situation.since(begun) <= limit:
        return _wait(Reason.UPGRADE_WAITS_FOR_CHECKPOINT)
    return Stopping.SAVEPOINT


def may_fall_back(situation: Situation) -> bool:
    """Row 5, and upstream's fallbacks: a start that never came to run, or that its owner takes back, need not be waited for."""
    if situation.flag("job.upgrade.last-state-fallback.enabled", default=True) or _changes_version(situation):
        return True
    if situation.status.job_status.start_time is None:
        return True
    stable = decode_spec(situation.status.reconciliation_status.last_stable_spec)
    return stable is not None and diff_cost(stable, situation.wanted)[0] is Cost.IGNORE


def _may_cancel(situation: Situation) -> bool:
    """Asked for, possible, and nothing that the job needs is deleted with it."""
    keys = flatten_configuration(situation.baseline.flink_configuration)
    is_possible = situation.facts.job.reachable and situation.facts.job.state in _CANCELLABLE
    is_asked = situation.flag("job.upgrade.last-state.job-cancel.enabled")
    return is_asked and is_possible and keys.get(RETENTION) != "DELETE_ON_CANCELLATION"


def _has_nothing_yet(situation: Situation) -> bool:
    """A running job without any state on storage is better saved than started over."""
    status = situation.status.job_status
    return status.last_checkpoint is None and status.upgrade_savepoint_path is None


def _changes_version(situation: Situation) -> bool:
    return any(change.path == "flinkVersion" for change in diff(situation.baseline, situation.wanted))


def _is_overdue(situation: Situation) -> bool:
    """A cancellation that takes too long is ended with the processes."""
    updated = situation.status.job_status.update_time or ""
    limit = situation.duration("resource.cleanup.timeout", "5 min")
    return situation.since(int(updated) if updated.isdigit() else None) > limit


def _wait(reason: Reason) -> Problem:
    return Problem(reason, reason.sentence)
