"""A secret in a spec is told of once for each change, without its value; what only sounds like one is not."""

import pytest

from penstock_api.reasons import Reason
from penstock_operator.decide.inline_secrets import inline_secrets
from tests.operator.simulation import World

SOURCE = {"valueFrom": {"secretKeyRef": {"name": "storage", "key": "secret"}}}


@pytest.mark.parametrize(
    ("configuration", "keys"),
    [
        ({"s3.secret-key": "hunter2"}, ("s3.secret-key",)),
        ({"s3": {"secret-key": "hunter2", "access-key": "me"}}, ("s3.access-key", "s3.secret-key")),
        ({"s3.secret-key": SOURCE}, ()),
        ({"security.ssl.rest.keystore-password": "x"}, ("security.ssl.rest.keystore-password",)),
        ({"security.delegation.tokens.enabled": True}, ()),
        ({"security.delegation.token.provider.renewal.retry.backoff": "1 h"}, ()),
        ({"penstock.rest.token": ""}, ()),
        ({"state.backend.type": "rocksdb"}, ()),
        ({"s3.secret-key": {"valueFrom": {"secretKeyRef": {}}}}, ()),
    ],
)
def test_keys_that_hold_a_secret_in_plain_text(
    configuration: dict[str, object], keys: tuple[str, ...]
) -> None:
    assert inline_secrets(configuration) == keys


def told(world: World) -> list[str]:
    return [line for line in world.lines if Reason.INLINE_SECRET in line]


def test_owner_is_told_once_for_each_change(world: World) -> None:
    world.edit(lambda spec: spec["flinkConfiguration"].update({"s3.secret-key": "hunter2"}))
    world.settle()
    assert len(told(world)) == 1
    assert "s3.secret-key" in told(world)[0]
    world.pass_time(600, every=30)
    assert len(told(world)) == 1
    world.edit(lambda spec: spec["job"].update(args=["--two"]))
    world.settle()
    assert len(told(world)) == 2
    assert "hunter2" not in "".join(world.lines)
    world.edit(lambda spec: spec["flinkConfiguration"].update({"s3.secret-key": SOURCE}))
    world.settle()
    assert len(told(world)) == 2
    assert "hunter2" not in (world.resource.status.reconciliation_status.last_reconciled_spec or "")
