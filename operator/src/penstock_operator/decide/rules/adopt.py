"""What is deployed is another job than the status names: the status was lost, edited, or restored from an old copy.

What is deployed knows better: its Deployment carries the job's id, the state that it came from and the generation. The
job is taken over as it is where it runs what is wanted; else `first` stops it, with its state, before anything starts.
Never is a second job started beside it, nor older state restored than its own.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, ReconciliationState
from penstock_operator.decide.revise import forget_state, revise_job, revise_reconciliation
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.decide.specs import encode_spec
from penstock_operator.model.facts import DeployedJob
from penstock_operator.model.plan import Event, Hold


def adopt(situation: Situation) -> Step | None:
    """Applies while the status names another job than the one that is deployed, or does not know that it is."""
    found, facts = situation.facts.cluster.deployed, situation.facts
    if found is None or not _is_unknown(situation, found):
        return None
    status = _adopted(situation, found)
    generation = facts.resource.metadata.generation
    if found.generation is not None and found.generation == generation:
        status = revise_reconciliation(
            status,
            last_reconciled_spec=encode_spec(facts.resource.spec),
            state=ReconciliationState.DEPLOYED,
            reconciliation_timestamp=facts.now,
        ).model_copy(update={"observed_generation": generation})
    sentence = f"{Reason.JOB_ADOPTED.sentence} (job {found.job_id})"
    said = Event(Reason.JOB_ADOPTED, sentence, "Job")
    return Step(status, actions=() if facts.is_deleting else (Hold(),), events=(said,), requeue_seconds=0.0)


def _is_unknown(situation: Situation, found: DeployedJob) -> bool:
    held = situation.status.job_status
    name = situation.facts.ref.name
    is_elsewhere = found.cluster is not None and found.cluster != (situation.status.cluster_name or name)
    is_lost = situation.deployed is None and found.job_id not in held.job_ids
    return found.job_id != held.job_id or is_elsewhere or is_lost


def _adopted(situation: Situation, found: DeployedJob) -> FlinkDeploymentStatus:
    """Nothing of what the status said of a job counts, but for the line of state where nobody knows better."""
    facts, old = situation.facts, situation.status
    earlier = [one for one in old.job_status.job_ids if one != found.job_id] if found.origin is None else []
    path = old.job_status.upgrade_savepoint_path if found.origin is None else found.origin or None
    status = revise_job(
        forget_state(old),
        job_id=found.job_id,
        job_ids=[*earlier, found.job_id],
        state=FlinkJobState.RECONCILING,
        upgrade_savepoint_path=path,
        start_time=None,
        update_time=str(facts.now),
    )
    status = revise_reconciliation(
        status,
        last_reconciled_spec=None,
        last_stable_spec=None,
        state=ReconciliationState.UPGRADING,
        upgrade_generation=None,
        restore_point=None,
        rollback=None,
    )
    cluster = found.cluster if found.cluster != facts.ref.name else None
    return status.model_copy(
        update={
            "cluster_name": cluster or (old.cluster_name if found.cluster is None else None),
            "pending_savepoint": None,
            "scaling": None,
            "warm": None,
        }
    )
