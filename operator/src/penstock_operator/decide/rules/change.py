"""The spec changed, so the job has to be stopped: with a savepoint, keeping its last state, or without state.

An upgrade is a suspension followed by a start; this rule begins the suspension, as `decide/stopping.py` says.
`finish_stop` and `resume` do the rest.
"""

from dataclasses import replace

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.job import UpgradeMode
from penstock_api.v1beta1.status import FlinkJobState, SavepointPurpose
from penstock_api.v1beta1.warm import WarmPhase
from penstock_operator.decide.revise import begin_stop, end_savepoint, revise_job, revise_reconciliation
from penstock_operator.decide.rules.savepoint import ask_for_savepoint
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.stopping import RETENTION, Stopping, choose_stopping
from penstock_operator.decide.warm import is_held_back
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import CancelJob, Event

CANCELLING_SECONDS = 2.0
"""Shortest time for which a cancellation stands in the status, so that people and scripts see it."""


def change(situation: Situation) -> Step | None:
    """Applies when the wanted spec differs from the deployed one in something that costs more than a note."""
    cost, paths = diff_cost(situation.baseline, situation.wanted)
    if cost is Cost.IGNORE or is_held_back(situation):
        return None
    how = choose_stopping(situation)
    if isinstance(how, Problem):
        # What else there is to do for the job is done meanwhile; a job that is being cancelled is left alone.
        is_ending = how.reason is Reason.UPGRADE_WAITS_FOR_CANCELLATION
        return Step(situation.status, requeue_seconds=IN_FLIGHT) if is_ending else None
    if situation.status.warm is not None:
        return stop_so(situation, _by_word(situation, how), ())  # the change was told of when it was begun
    said = Event(Reason.SPEC_CHANGED, f"{cost.name} change of {', '.join(paths)}")
    return stop_so(situation, how, (said, *_no_room(situation)))


def _by_word(situation: Situation, how: Stopping) -> Stopping:
    """Where pods wait for the end of the old job, its JobManager ends it: its processes would take longer."""
    held, keys = situation.status.warm, flatten_configuration(situation.baseline.flink_configuration)
    waits = held is not None and held.phase is WarmPhase.READY and situation.runs
    is_kept = how is Stopping.STATELESS or keys.get(RETENTION) != "DELETE_ON_CANCELLATION"
    return Stopping.CANCEL if waits and is_kept and how is not Stopping.SAVEPOINT else how


def _no_room(situation: Situation) -> tuple[Event, ...]:
    """Said where the owner wants the new pods first and cannot have them."""
    room = situation.facts.room
    if room is None or room.problem is None or not situation.wanted.is_warm:
        return ()
    return (Event(room.problem.reason, room.problem.message, room.problem.component),)


def stop_so(situation: Situation, how: Stopping, events: tuple[Event, ...]) -> Step:
    """Begin to stop the job so, for the generation that is wanted now."""
    step = _stop_so(situation, how, events)
    generation = situation.facts.resource.metadata.generation
    return replace(step, status=revise_reconciliation(step.status, upgrade_generation=generation))


def _stop_so(situation: Situation, how: Stopping, events: tuple[Event, ...]) -> Step:
    if how is Stopping.SAVEPOINT:
        purpose = SavepointPurpose.UPGRADE if situation.wants_running else SavepointPurpose.SUSPEND
        return ask_for_savepoint(situation, purpose, events)
    if how is Stopping.CANCEL:
        status = revise_job(
            situation.status, state=FlinkJobState.CANCELLING, update_time=str(situation.facts.now)
        )
        job_id = situation.status.job_status.job_id or ""
        return Step(status, (CancelJob(job_id),), events=events, requeue_seconds=CANCELLING_SECONDS)
    mode = UpgradeMode.STATELESS if how is Stopping.STATELESS else UpgradeMode.LAST_STATE
    return _stop(situation, mode, events)


def _stop(situation: Situation, mode: UpgradeMode, events: tuple[Event, ...]) -> Step:
    status = end_savepoint(situation.status, None) if situation.status.pending_savepoint else situation.status
    status = begin_stop(status, situation.baseline, mode, situation.facts.now)
    said = Event(Reason.SUSPENDED, f"Stopping the job ({mode.value})", "Job")
    if situation.job_state is None or not situation.job_state.is_terminal:
        status = revise_job(status, state=FlinkJobState.SUSPENDED)
    return Step(status, events=(*events, said), requeue_seconds=0.0)
