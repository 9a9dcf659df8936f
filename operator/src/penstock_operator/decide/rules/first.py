"""The first deployment: from nothing, or from the savepoint that the owner names.

Or the first that this status knows of: where it was lost, the job that `adopt` found is stopped like any other before.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import ReconciliationState
from penstock_operator.decide.revise import record_spec, revise_reconciliation
from penstock_operator.decide.rules.change import stop_so
from penstock_operator.decide.rules.start import start
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.stopping import choose_stopping
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event, Hold


def first(situation: Situation) -> Step | None:
    """Applies until a spec was reconciled. A resource made suspended is reconciled as such (upstream never does)."""
    if situation.deployed is not None or situation.status.pending_savepoint is not None:
        return None
    cluster = situation.facts.cluster
    if situation.status.job_status.job_ids and (cluster.processes_left or cluster.job_manager_exists):
        return _stop_unknown(situation)
    if situation.wanted_job.state is JobState.SUSPENDED:
        status = record_spec(situation.status, situation.wanted, situation.facts.resource.metadata.generation)
        status = revise_reconciliation(status, state=ReconciliationState.DEPLOYED)
        return Step(status, actions=(Hold(),))
    return start(situation)


def _stop_unknown(situation: Situation) -> Step:
    """Nobody knows the spec of the job that runs: it is stopped as for a change, and what is wanted goes on from there."""
    how = choose_stopping(situation)
    if isinstance(how, Problem):
        return Step(situation.status, requeue_seconds=IN_FLIGHT)
    said = Event(Reason.SPEC_CHANGED, "UPGRADE change: what the job runs is not known")
    return stop_so(situation, how, (said,))
