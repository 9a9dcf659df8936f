"""Nothing to do. A spec that proved itself over the stability window is the stable one from now on."""

from datetime import timedelta

from penstock_api.v1beta1.status import ReconciliationState
from penstock_operator.decide.health import is_stable, works
from penstock_operator.decide.revise import revise_reconciliation
from penstock_operator.decide.situation import IN_FLIGHT, STEADY, UNSETTLED, Situation, Step

NEW = timedelta(seconds=60)
"""After a deploy, in which a job is looked at more often: what is wrong with a new version shows soon."""


def steady(situation: Situation) -> Step:
    """Always applies."""
    status = situation.status
    held = status.reconciliation_status
    if held.last_stable_spec != held.last_reconciled_spec and is_stable(situation):
        status = revise_reconciliation(
            status,
            last_stable_spec=held.last_reconciled_spec,
            state=ReconciliationState.DEPLOYED,
            restore_point=None,
        )
    is_new = situation.since(held.reconciliation_timestamp) < NEW
    if works(situation):
        return Step(status, requeue_seconds=UNSETTLED if is_new else STEADY)
    return Step(status, requeue_seconds=IN_FLIGHT if is_new else UNSETTLED)
