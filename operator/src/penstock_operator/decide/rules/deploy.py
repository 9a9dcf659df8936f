"""A start was written down and not yet carried out (or its end was not recorded): carry it out again."""

from penstock_api.v1beta1.status import ReconciliationState
from penstock_operator.decide.revise import revise_reconciliation
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.model.plan import Deploy, Hold, Stop


def deploy(situation: Situation) -> Step | None:
    """Applies while the reconciled spec shall run and was not handed to the platform; deploying twice is harmless."""
    job = situation.status.job_status
    if situation.is_deployed or situation.deployed is None or not job.job_id:
        return None
    cluster = situation.facts.cluster
    if cluster.processes_left and not cluster.job_manager_exists:
        return Step(situation.status, actions=(Stop(),), keep_error=True, requeue_seconds=IN_FLIGHT)
    launch = situation.launch(situation.deployed, job.job_id, job.upgrade_savepoint_path)
    return Step(
        situation.status,
        actions=(Hold(), Deploy(launch)),
        after=revise_reconciliation(situation.status, state=ReconciliationState.DEPLOYED),
        keep_error=True,
        requeue_seconds=IN_FLIGHT,
    )
