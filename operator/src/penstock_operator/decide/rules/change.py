"""The spec changed, so the job has to be stopped: with a savepoint, keeping its last state, or without state.

An upgrade is a suspension followed by a start; this rule begins the suspension. `finish_stop` and `resume` do the rest.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.job import UpgradeMode
from penstock_api.v1beta1.status import FlinkJobState, SavepointPurpose
from penstock_operator.decide.revise import begin_stop, revise_job
from penstock_operator.decide.rules.savepoint import ask_for_savepoint
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.model.launch import savepoint_directory
from penstock_operator.model.plan import Event


def change(situation: Situation) -> Step | None:
    """Applies when the wanted spec differs from the deployed one in something that costs more than a note."""
    deployed = situation.baseline
    cost, paths = diff_cost(deployed, situation.wanted)
    if cost is Cost.IGNORE:
        return None
    events = (Event(Reason.SPEC_CHANGED, f"{cost.name} change of {', '.join(paths)}"),)
    if situation.is_stateless:
        return _stop(situation, UpgradeMode.STATELESS, events)
    if situation.wanted_job.upgrade_mode is UpgradeMode.SAVEPOINT and situation.runs:
        purpose = SavepointPurpose.UPGRADE if situation.wants_running else SavepointPurpose.SUSPEND
        return ask_for_savepoint(situation, purpose, events)
    if _has_nothing_yet(situation):
        return ask_for_savepoint(situation, SavepointPurpose.UPGRADE, events)
    return _stop(situation, UpgradeMode.LAST_STATE, events)


def _has_nothing_yet(situation: Situation) -> bool:
    """A running job without any state on storage is better saved than started over."""
    status = situation.status.job_status
    has_state = status.last_checkpoint is not None or status.upgrade_savepoint_path is not None
    return situation.runs and not has_state and savepoint_directory(situation.configured) is not None


def _stop(situation: Situation, mode: UpgradeMode, events: tuple[Event, ...]) -> Step:
    status = begin_stop(situation.status, situation.baseline, mode, situation.facts.now)
    said = Event(Reason.SUSPENDED, f"Stopping the job ({mode.value})", "Job")
    if situation.job_state is None or not situation.job_state.is_terminal:
        status = revise_job(status, state=FlinkJobState.SUSPENDED)
    return Step(status, events=(*events, said), requeue_seconds=0.0)
