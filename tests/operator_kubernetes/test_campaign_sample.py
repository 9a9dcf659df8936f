"""A sample of the operator's campaigns: thirty generated changes, seeded. `make campaign` runs hundreds.

`PENSTOCK_SEED` chooses another sample; the seed is printed.
"""

import os
from pathlib import Path

import pytest

from penstock_operator import crds
from tests.campaign import changes
from tests.campaign.driver import World
from tests.operator_kubernetes.conftest import start_api_server
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(400)

SEED = int(os.environ.get("PENSTOCK_SEED", "7"))


def test_generated_changes_end_as_declared_or_refused_and_go_back_to_the_old_objects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\ncampaign: seed {SEED}")
    with start_api_server(tmp_path) as server:
        client = server.client()
        try:
            crds.apply(client)
            with (
                StubJobManagers() as stubs,
                StubKubelet(client, stubs, start_seconds=0.02, end_seconds=0.02) as kubelet,
            ):
                report = changes.run(World(client, stubs, kubelet, tmp_path), 30, SEED)
        finally:
            client.close()
    assert report.failures == [], report.text()
    assert report.ends.total() == 30
