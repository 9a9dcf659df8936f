"""Snapshots that the operator itself asks for as resources: by hand (a nonce), by the clock, and those of upgrades. Pure.

Called by the rules `manual_savepoint` and `periodic_snapshot`, and by the planner for the savepoint of a stop.
"""

from penstock_api.v1beta1.status import FlinkDeploymentStatus, SnapshotTriggerType
from penstock_operator.decide.situation import Situation
from penstock_operator.model.plan import TakeSnapshot


def has_resources(situation: Situation) -> bool:
    """Whether snapshots are FlinkStateSnapshots here; else they are fields of the status, as before."""
    return situation.flag("snapshot.resource.enabled", default=True)


def asked(
    situation: Situation,
    trigger: SnapshotTriggerType,
    *,
    at: int,
    is_checkpoint: bool = False,
    nonce: int | None = None,
) -> TakeSnapshot:
    """The resource to make."""
    return TakeSnapshot(
        trigger=trigger.value,
        at=at,
        is_checkpoint=is_checkpoint,
        nonce=nonce,
        format_type=situation.option("savepoint.format.type", "CANONICAL"),
        dispose_on_delete=situation.flag("savepoint.dispose-on-delete"),
    )


def upgrade_snapshot(situation: Situation, now: FlinkDeploymentStatus) -> tuple[TakeSnapshot, ...]:
    """The savepoint of a stop, when its path is recorded and again when the stop is complete: made once, by its name."""
    old, info = situation.facts.resource.status, now.job_status.savepoint_info
    taken = info.last_savepoint if info else None
    if taken is None or not taken.location or taken.trigger_type is not SnapshotTriggerType.UPGRADE:
        return ()
    before = old.job_status.savepoint_info
    held = before.last_savepoint if before else None
    is_new = held is None or held.location != taken.location
    is_complete = old.pending_savepoint is not None and now.pending_savepoint is None
    if not (is_new or is_complete) or not has_resources(situation):
        return ()
    return (
        TakeSnapshot(
            trigger=SnapshotTriggerType.UPGRADE.value,
            at=taken.time_stamp or situation.facts.now,
            location=taken.location,
            format_type=taken.format_type.value if taken.format_type else "CANONICAL",
            dispose_on_delete=situation.flag("savepoint.dispose-on-delete"),
        ),
    )
