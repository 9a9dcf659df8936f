"""A new `savepointRedeployNonce`: start again from `initialSavepointPath`, whatever the job was doing."""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.job import UpgradeMode
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.decide.revise import begin_stop, revise_job
from penstock_operator.decide.situation import Situation, Step
from penstock_operator.model.plan import Event


def redeploy(situation: Situation) -> Step | None:
    """Applies while the wanted nonce is not the reconciled one. A new line of state begins: the old one never counts."""
    deployed = situation.deployed
    if deployed is None or deployed.job is None or not situation.wants_running:
        return None
    nonce, path = situation.wanted_job.savepoint_redeploy_nonce, situation.wanted_job.initial_savepoint_path
    if nonce is None or nonce == deployed.job.savepoint_redeploy_nonce:
        return None
    noted = deployed.job.model_copy(update={"savepoint_redeploy_nonce": nonce})
    base = deployed.model_copy(update={"job": noted})
    status = begin_stop(situation.status, base, UpgradeMode.STATELESS, situation.facts.now)
    status = revise_job(status, upgrade_savepoint_path=path, state=FlinkJobState.SUSPENDED)
    said = Event(Reason.SPEC_CHANGED, f"SAVEPOINT_REDEPLOY change: starting again from {path}")
    return Step(status, events=(said,), requeue_seconds=0.0)
