"""Rollback, as the planner sees it: the state to go back to, and the spec that shall not run. Pure.

While `status.reconciliationStatus.rollback` is set and the owner's spec is still the rejected one, the last stable spec
is what is wanted: every rule then works as always. The spec of the resource is never written.
"""

from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkDeploymentStatus, ReconciliationState, RestorePoint
from penstock_operator.decide.revise import revise_reconciliation
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.facts import Facts

_SHOWN = {
    ReconciliationState.UPGRADING: ReconciliationState.ROLLING_BACK,
    ReconciliationState.DEPLOYED: ReconciliationState.ROLLED_BACK,
}
_MEANT = {shown: meant for meant, shown in _SHOWN.items()}


def show_rollback(status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """The state in upstream's words: ROLLING_BACK and ROLLED_BACK for what rules know as UPGRADING and DEPLOYED."""
    held = status.reconciliation_status
    if held.rollback is None:
        return status
    return revise_reconciliation(status, state=_SHOWN.get(held.state, held.state))


def plain(status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """The opposite: the state in the words of the rules."""
    state = status.reconciliation_status.state
    return revise_reconciliation(status, state=_MEANT[state]) if state in _MEANT else status


def is_same(one: FlinkDeploymentSpec, other: FlinkDeploymentSpec) -> bool:
    """Whether two specs would run the same."""
    return diff_cost(one, other)[0] is Cost.IGNORE


def stable_spec(status: FlinkDeploymentStatus) -> FlinkDeploymentSpec | None:
    """What can be gone back to: the last stable spec, if it is one that runs a job."""
    spec = decode_spec(status.reconciliation_status.last_stable_spec)
    if spec is None or spec.job is None or spec.job.state is not JobState.RUNNING:
        return None
    return spec


def leave_or_stay(
    status: FlinkDeploymentStatus, wanted: FlinkDeploymentSpec
) -> tuple[FlinkDeploymentStatus, FlinkDeploymentSpec]:
    """The status and the spec to decide on: a new spec leaves the rollback, the rejected one gives way to the stable."""
    rollback = status.reconciliation_status.rollback
    if rollback is None:
        return status, wanted
    rejected, stable = decode_spec(rollback.rejected_spec), stable_spec(status)
    if rejected is None or stable is None or not is_same(rejected, wanted):
        return revise_reconciliation(status, rollback=None), wanted
    return status, stable


def with_restore_point(
    before: FlinkDeploymentStatus, after: FlinkDeploymentStatus, facts: Facts
) -> FlinkDeploymentStatus:
    """The state to go back to, noted in the very write that leaves the last stable spec, before anything is deployed."""
    held = after.reconciliation_status
    stable = stable_spec(after)
    if held.restore_point is not None or held.rollback is not None or stable is None:
        return after
    old, new = (
        decode_spec(before.reconciliation_status.last_reconciled_spec),
        decode_spec(held.last_reconciled_spec),
    )
    if old is None or new is None or old.job is None or new.job is None:
        return after
    path: str | None
    if not _runs(new) and _runs(old) and before.job_status.job_ids and not after.job_status.job_ids:
        path = _newest_recorded(before)  # a stateless stop forgets what the stable spec had written
    elif _runs(new) and not _runs(old) and not is_same(stable, new):
        path = after.job_status.upgrade_savepoint_path
    else:
        return after
    point = RestorePoint(path=path, job_id=before.job_status.job_id, recorded_at=facts.now)
    return revise_reconciliation(after, restore_point=point)


def _runs(spec: FlinkDeploymentSpec) -> bool:
    return spec.job is not None and spec.job.state is JobState.RUNNING


def _newest_recorded(status: FlinkDeploymentStatus) -> str | None:
    newest = status.job_status.last_checkpoint
    return newest.path if newest is not None and newest.path else status.job_status.upgrade_savepoint_path
