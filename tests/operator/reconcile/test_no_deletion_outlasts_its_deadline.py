"""A resource that goes is let go in time, also where nothing of its job can be looked at any more."""

from datetime import UTC, datetime, timedelta

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.errors import ExternalError
from penstock_operator.model.facts import ClusterFacts
from penstock_operator.reconcile.loop import Loop
from tests.operator.reconcile.test_what_the_loop_says import BODY, REF, Still


class Blind(Still):
    """A platform that refuses every look at the job."""

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        raise ExternalError(Reason.PERMISSION_DENIED, "pods is forbidden")


def deleted(ago: timedelta, policy: str | None) -> Blind:
    platform = Blind()
    moment = (datetime.now(tz=UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")
    deletion = {"deadline": "1 min", **({"policy": policy} if policy else {})}
    metadata = {**BODY["metadata"], "deletionTimestamp": moment}
    platform.resource = FlinkDeployment.from_wire(
        {**BODY, "metadata": metadata, "spec": {**BODY["spec"], "deletion": deletion}}
    )
    return platform


@pytest.mark.parametrize(
    ("seconds", "policy", "reason"),
    [
        (90, "Orphan", "DeletionOrphaned"),
        (150, "Force", "DeletionForced"),
        (150, None, "DeletionForced"),
    ],
)
def test_it_is_let_go_by_its_policy(seconds: int, policy: str | None, reason: str) -> None:
    platform = deleted(timedelta(seconds=seconds), policy)
    assert Loop(platform).reconcile(REF) is None
    assert platform.resource is None
    assert [event.reason.value for event in platform.events] == [reason]


@pytest.mark.parametrize(("seconds", "policy"), [(30, "Orphan"), (90, "Force"), (9000, "KeepTrying")])
def test_until_then_the_reason_is_in_the_status(seconds: int, policy: str) -> None:
    platform = deleted(timedelta(seconds=seconds), policy)
    assert Loop(platform).reconcile(REF) is not None
    assert platform.resource is not None
    assert "pods is forbidden" in (platform.resource.status.error or "")
    degraded = next(held for held in platform.resource.status.conditions if held.type == "Degraded")
    assert degraded.reason == "PermissionDenied"
