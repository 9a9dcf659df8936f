"""A new spec that the API server would refuse never stops the job; what an earlier spec had copied goes with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.campaign.changes import Subject
from tests.campaign.driver import World
from tests.campaign.generator import Change
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def world(client: KubeClient, tmp_path: Path) -> Iterator[World]:
    with (
        StubJobManagers() as stubs,
        StubKubelet(client, stubs, start_seconds=0.02, end_seconds=0.02) as kubelet,
    ):
        yield World(client, stubs, kubelet, tmp_path)


def test_a_pod_template_that_is_refused_leaves_the_job_running(world: World) -> None:
    subject = Subject(world, 0)
    refused = {"podTemplate": {"spec": {"tolerations": [{"operator": "Sometimes"}]}}}
    assert subject.go(Change(refused, "tolerations")) == "STABLE with reason ValidationError"
    assert len(world.stubs.starts[subject.uid]) == 1
    subject.close()


def test_copies_and_accounts_of_an_earlier_spec_are_gone_after_the_next_deployment(world: World) -> None:
    subject = Subject(world, 0)
    container = {"name": "flink-main-container", "envFrom": [{"secretRef": {"name": "extra"}}]}
    changed = {"serviceAccount": "runner", "podTemplate": {"spec": {"containers": [container]}}}
    # `go` compares the objects after the way back with those before.
    assert subject.go(Change(changed, "serviceAccount and a Secret")) == "as declared"
    subject.close()
