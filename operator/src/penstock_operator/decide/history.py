"""The revision history: every spec that ran, who wanted it, from which state, for how long, and what became of it. Pure.

`with_history` is called by the planner on each status that it returns, with the status before; the specs themselves are
kept by the action `KeepRevision`, which goes before the deployment of a revision.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.cost import Cost, diff
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobSpec, JobState
from penstock_api.v1beta1.model import ApiModel, ObjectMeta
from penstock_api.v1beta1.status import (
    FlinkDeploymentStatus,
    FlinkJobState,
    ReconciliationState,
    Revision,
    RevisionOutcome,
)
from penstock_operator.build import labels
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.facts import Facts
from penstock_operator.model.launch import with_defaults
from penstock_operator.model.plan import KeepRevision

LIMIT = 10
LIMIT_KEY = "kubernetes.operator.revision.history.limit"
_NOT_A_REVISION = ("job.state", "job.upgradeMode")
"""Fields that say what shall become of a job, not what it is; a stop changes them in what the status records."""
_MARKED = (ReconciliationState.UPGRADING, ReconciliationState.ROLLING_BACK)


def with_history(
    before: FlinkDeploymentStatus, after: FlinkDeploymentStatus, facts: Facts
) -> FlinkDeploymentStatus:
    """The status with its history brought up to date; the same object where nothing is new."""
    spec = decode_spec(after.reconciliation_status.last_reconciled_spec)
    if spec is None or facts.is_deleting:
        return after
    held = list(after.history)
    revised = _begun(held, before, after, spec, facts) if _runs(spec) else _rested(held, after, facts)
    revised = _judged(revised, after, spec)
    if revised == after.history:
        return after
    return after.model_copy(update={"history": revised[-_limit(facts) :]})


def keep_revision(status: FlinkDeploymentStatus) -> KeepRevision | None:
    """The action that stores the spec of what is deployed; None where there is no history yet."""
    spec = decode_spec(status.reconciliation_status.last_reconciled_spec)
    if spec is None or not status.history or not _is_open(status.history[-1]):
        return None
    numbers = tuple(revision.number for revision in status.history)
    return KeepRevision(numbers[-1], json.dumps(_plain(spec), sort_keys=True), numbers)


def _plain(spec: FlinkDeploymentSpec) -> dict[str, Any]:
    """What the owner wrote: no defaults spelled out, which would be a change when it is written back."""
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def spec_hash(spec: FlinkDeploymentSpec) -> str:
    """The same for specs between which nothing has to be deployed, and for one that is suspended meanwhile."""
    empty = FlinkDeploymentSpec(job=JobSpec() if spec.job is not None else None)
    told = [
        (change.path, change.new)
        for change in diff(empty, spec)
        if change.cost is not Cost.IGNORE and change.path != "job.state"
    ]
    return hashlib.sha256(json.dumps(told, default=_wire).encode()).hexdigest()[:10]


def _wire(value: object) -> object:
    return value.to_wire() if isinstance(value, ApiModel) else str(value)


def manager_of(metadata: ObjectMeta) -> str | None:
    """Who changed the spec last: by the writer's own word for this generation, else by the API server's record."""
    who, _, generation = metadata.annotations.get(labels.CHANGED_BY, "").rpartition("@")
    if who and generation == str(metadata.generation):
        return who
    own: list[tuple[str, str]] = []
    for entry in metadata.managed_fields:
        fields: Any = entry.get("fieldsV1") or {}
        if "f:spec" in fields and not entry.get("subresource"):
            own.append((str(entry.get("time", "")), str(entry.get("manager", ""))))
    return max(own)[1] if own else None


def _runs(spec: FlinkDeploymentSpec) -> bool:
    return spec.job is None or spec.job.state is JobState.RUNNING


def _is_open(revision: Revision) -> bool:
    return revision.ended is None


def _begun(
    held: list[Revision],
    before: FlinkDeploymentStatus,
    after: FlinkDeploymentStatus,
    spec: FlinkDeploymentSpec,
    facts: Facts,
) -> list[Revision]:
    """A spec is being started that is not the one that ran: the last revision ends, another begins."""
    if after.reconciliation_status.state not in _MARKED:
        return held
    mark = spec_hash(spec)
    last = held[-1] if held else None
    if last is not None and _is_open(last) and last.spec_hash == mark:
        return held
    now = _moment(facts)
    if last is not None and _is_open(last):
        held[-1] = last.model_copy(update={"ended": now})
    new = Revision(
        number=(last.number if last is not None else 0) + 1,
        spec_hash=mark,
        changed=_changed(before, after, spec),
        image=spec.image,
        by=manager_of(facts.resource.metadata),
        from_state=after.job_status.upgrade_savepoint_path,
        job_id=after.job_status.job_id,
        started=now,
    )
    return [*held, new]


def _changed(
    before: FlinkDeploymentStatus, after: FlinkDeploymentStatus, spec: FlinkDeploymentSpec
) -> list[str]:
    rollback = after.reconciliation_status.rollback
    text = (
        rollback.rejected_spec if rollback is not None else before.reconciliation_status.last_reconciled_spec
    )
    old = decode_spec(text)
    if old is None:
        return []
    return [change.path for change in diff(old, spec) if change.path not in _NOT_A_REVISION]


def _rested(held: list[Revision], after: FlinkDeploymentStatus, facts: Facts) -> list[Revision]:
    """Suspended for good, not for a change: the revision ends."""
    is_stopped = after.reconciliation_status.state is ReconciliationState.DEPLOYED
    if is_stopped and held and _is_open(held[-1]):
        held[-1] = held[-1].model_copy(update={"ended": _moment(facts)})
    return held


def _judged(held: list[Revision], after: FlinkDeploymentStatus, spec: FlinkDeploymentSpec) -> list[Revision]:
    """What became of the newest revision, and of one that was given up."""
    if not held:
        return held
    reconciled = after.reconciliation_status
    if reconciled.rollback is not None:
        rejected = decode_spec(reconciled.rollback.rejected_spec)
        given_up = spec_hash(rejected) if rejected is not None else ""
        newest = max((r.number for r in held if r.spec_hash == given_up), default=0)
        held = [
            r.model_copy(update={"outcome": RevisionOutcome.ROLLED_BACK}) if r.number == newest else r
            for r in held
        ]
    last = held[-1]
    outcome = _outcome(last, after)
    if not _is_open(last) or not _runs(spec) or outcome is last.outcome or last.spec_hash != spec_hash(spec):
        return held
    return [*held[:-1], last.model_copy(update={"outcome": outcome})]


def _outcome(last: Revision, after: FlinkDeploymentStatus) -> RevisionOutcome:
    reconciled, state = after.reconciliation_status, after.job_status.state
    if reconciled.state in _MARKED or after.pending_savepoint is not None:
        return last.outcome  # on its way: the job's state is that of the stop
    if state is FlinkJobState.FAILED:
        return RevisionOutcome.FAILED
    if state is FlinkJobState.FINISHED:
        return RevisionOutcome.FINISHED
    if reconciled.last_stable_spec == reconciled.last_reconciled_spec:
        return RevisionOutcome.STABLE
    return last.outcome


def _limit(facts: Facts) -> int:
    spec = with_defaults(facts.resource.spec, facts.defaults)
    text = str(flatten_configuration(spec.flink_configuration).get(LIMIT_KEY, ""))
    return max(1, int(text)) if text.isdigit() else LIMIT


def _moment(facts: Facts) -> str:
    return datetime.fromtimestamp(facts.now / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
