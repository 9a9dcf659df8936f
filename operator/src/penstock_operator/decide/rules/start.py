"""Starting a job: choose the state, write down the id and the path, then deploy. Shared by `first`, `resume` and `warm`."""

from dataclasses import replace

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkJobState, ReconciliationState
from penstock_api.v1beta1.warm import WarmPhase, WarmUpgrade
from penstock_operator.decide.restore import Restore, choose_restore
from penstock_operator.decide.revise import forget_state, revise_job, revise_reconciliation
from penstock_operator.decide.situation import IN_FLIGHT, UNSETTLED, Situation, Step
from penstock_operator.decide.specs import decode_spec, encode_spec, with_job_state
from penstock_operator.decide.warm import left_beside, revise_warm
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Deploy, Event, Hold, Stop


def start(situation: Situation) -> Step:
    """The start of the wanted spec. The job id and what it restores are in the status before anything is deployed."""
    facts, ran_as = situation.facts, situation.status.cluster_name
    if facts.cluster.processes_left or facts.cluster.job_manager_exists or left_beside(situation):
        return Step(situation.status, actions=(Stop(),), requeue_seconds=IN_FLIGHT)
    choice = choose_restore(situation)
    if isinstance(choice, Problem):
        return Step(situation.status, problem=choice, requeue_seconds=UNSETTLED)
    status = situation.status.model_copy(update={"cluster_name": None, "warm": None})
    if ran_as is not None:  # what a warm upgrade made under a name of its own
        status = revise_warm(status, facts.now, phase=WarmPhase.RETIRING, cluster=ran_as)
    return _start(situation.with_status(status), choice)


def start_prepared(situation: Situation, held: WarmUpgrade) -> Step:
    """The start of what waits beside the old job, which is over: the word is given, and from here it only goes forward."""
    choice, spec = choose_restore(situation), decode_spec(held.spec)
    if isinstance(choice, Problem):
        return Step(situation.status, problem=choice, requeue_seconds=UNSETTLED)
    assert spec is not None  # noqa: S101 - what is wanted was compared with it
    ran_as = situation.status.cluster_name or situation.facts.ref.name
    status = situation.status.model_copy(update={"cluster_name": held.cluster})
    status = revise_warm(status, situation.facts.now, phase=WarmPhase.RETIRING, cluster=ran_as)
    return _start(replace(situation, status=status, wanted=spec), replace(choice, job_id=held.job_id))


def _start(situation: Situation, choice: Restore) -> Step:
    facts = situation.facts
    is_first = situation.deployed is None
    status = forget_state(situation.status) if choice.is_new_line else situation.status
    ids = status.job_status.job_ids
    status = revise_job(
        status,
        job_id=choice.job_id,
        job_ids=ids if choice.job_id in ids else [*ids, choice.job_id],
        state=FlinkJobState.RECONCILING,
        upgrade_savepoint_path=choice.path,
        start_time=None,
        update_time=str(facts.now),
    )
    status = status.model_copy(update={"scaling": None})
    status = revise_reconciliation(
        status,
        last_reconciled_spec=encode_spec(situation.wanted, first=is_first),
        state=ReconciliationState.UPGRADING,
        reconciliation_timestamp=facts.now,
        upgrade_generation=None,
    )
    if not situation.is_refused:
        status = status.model_copy(update={"observed_generation": facts.resource.metadata.generation})
    return Step(
        status,
        actions=(Hold(), Deploy(situation.launch(situation.wanted, choice.job_id, choice.path))),
        after=revise_reconciliation(status, state=ReconciliationState.DEPLOYED),
        events=(
            *_taken_back(situation),
            Event(Reason.SUBMIT, _sentence(choice), "JobManagerDeployment"),
        ),
        requeue_seconds=IN_FLIGHT,
    )


def _taken_back(situation: Situation) -> tuple[Event, ...]:
    """Said where the job was stopped for a change that its owner has taken back since."""
    deployed = situation.deployed
    stopped_for = situation.status.reconciliation_status.upgrade_generation
    is_same = stopped_for in (None, situation.facts.resource.metadata.generation)
    if deployed is None or situation.is_refused or is_same:
        return ()
    before = with_job_state(deployed, JobState.RUNNING)
    if diff_cost(before, situation.wanted)[0] is not Cost.IGNORE:
        return ()
    return (Event(Reason.UPGRADE_ABORTED, Reason.UPGRADE_ABORTED.sentence, "Job"),)


def _sentence(choice: Restore) -> str:
    origin = f"from {choice.path}" if choice.path else "without state"
    return f"Starting job {choice.job_id} {origin}"
