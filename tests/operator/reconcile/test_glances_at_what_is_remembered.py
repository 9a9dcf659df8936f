"""A resource at rest is looked at through memory; whatever is to be done is decided from a live look."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.model.facts import Facts, Ref
from penstock_operator.model.plan import Plan, RefreshCopies
from penstock_operator.reconcile import loop
from penstock_operator.reconcile.loop import Loop

REF = Ref("default", "clicks")


class Remembering:
    """A platform that counts live reads, and answers remembered ones with what it was told."""

    def __init__(self) -> None:
        self.live = 0
        self.recalls = False
        self.wants_act = False
        body = {"metadata": {"name": "clicks", "namespace": "default", "generation": 1}}
        self.resource = FlinkDeployment.from_wire({**body, "status": {"observedGeneration": 1}})

    @contextmanager
    def recalling(self) -> Iterator[None]:
        self.recalls = True
        try:
            yield
        finally:
            self.recalls = False

    def read(self, ref: Ref) -> FlinkDeployment:
        self.live += not self.recalls
        return self.resource

    def defaults(self, namespace: str) -> dict[str, str]:
        return {}

    def refresh_copies(self, resource: FlinkDeployment) -> None:
        assert not self.recalls


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Remembering:
    found = Remembering()

    def observe(platform: Any, resource: FlinkDeployment, autoscaler: object = None) -> Facts:
        return Facts(resource=resource, now=0)

    def decide(facts: Facts) -> Plan:
        actions = (RefreshCopies(),) if found.wants_act else ()
        return Plan("test", facts.resource.status, actions, requeue_seconds=10.0)

    monkeypatch.setattr(loop, "observe", observe)
    monkeypatch.setattr(loop, "decide", decide)
    return found


def test_the_first_look_is_live_and_the_next_ones_are_not(platform: Remembering) -> None:
    made = Loop(platform, platform.recalling)  # type: ignore[arg-type]
    for _ in range(3):
        assert made.reconcile(REF) == 10.0
    assert platform.live == 1


def test_what_is_to_be_done_is_decided_live(platform: Remembering) -> None:
    made = Loop(platform, platform.recalling)  # type: ignore[arg-type]
    made.reconcile(REF)
    platform.wants_act = True
    made.reconcile(REF)
    assert platform.live == 2
    made.reconcile(REF)
    assert platform.live == 3


def test_after_a_while_the_look_is_live_whatever_is_remembered(
    platform: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "RESYNC_SECONDS", -1.0)
    made = Loop(platform, platform.recalling)  # type: ignore[arg-type]
    made.reconcile(REF)
    made.reconcile(REF)
    assert platform.live == 2


def test_a_new_generation_is_looked_at_live(platform: Remembering) -> None:
    made = Loop(platform, platform.recalling)  # type: ignore[arg-type]
    made.reconcile(REF)
    meta = platform.resource.metadata.model_copy(update={"generation": 2})
    platform.resource = platform.resource.model_copy(update={"metadata": meta})
    made.reconcile(REF)
    assert platform.live == 2


def test_a_surprise_in_memory_is_left_to_the_live_look(
    platform: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Loop(platform, platform.recalling)  # type: ignore[arg-type]
    made.reconcile(REF)
    live = getattr(loop, "observe")  # noqa: B009 - a name that the loop imports

    def observe(found: Any, resource: FlinkDeployment, autoscaler: object = None) -> Facts:
        if found.recalls:
            raise ValueError("not what it should be")
        return live(found, resource)

    monkeypatch.setattr(loop, "observe", observe)
    assert made.reconcile(REF) == 10.0
    assert platform.live == 2


def test_many_resources_at_rest_are_looked_at_less_often(
    platform: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LOOKS_PER_SECOND", 0.01)
    made = Loop(platform, platform.recalling)  # type: ignore[arg-type]
    made.reconcile(REF)
    assert made.reconcile(REF) == 100.0
