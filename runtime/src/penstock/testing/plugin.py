"""Fixtures for pytest: `pytest_plugins = ["penstock.testing.plugin"]` in the test module or the top conftest.

    def test_totals(mini_cluster):
        env = mini_cluster.environment()
        with my_program(env).execute_and_collect() as totals:
            assert sorted(totals) == [...]

One cluster serves all tests of a session; it starts with the first that asks. Option `penstock_slots` (2) is its size.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from penstock.launch.minicluster import MiniCluster
    from penstock.testing.cluster import JobCluster


def pytest_addoption(parser: pytest.Parser) -> None:
    """The size of the cluster."""
    parser.addini("penstock_slots", "slots of the mini cluster of penstock.testing", default="2")


@pytest.fixture(scope="session")
def penstock_session_cluster(pytestconfig: pytest.Config) -> Iterator["MiniCluster"]:
    """The cluster of the session; tests use `mini_cluster`."""
    from penstock.launch.minicluster import MiniCluster

    with MiniCluster(int(pytestconfig.getini("penstock_slots"))) as cluster:
        yield cluster


@pytest.fixture
def mini_cluster(
    request: pytest.FixtureRequest, penstock_session_cluster: "MiniCluster"
) -> Iterator["JobCluster"]:
    """A cluster for one test: jobs that it leaves running are cancelled when it ends."""
    from penstock.testing.cluster import JobCluster

    cluster = JobCluster(
        penstock_session_cluster,
        int(request.config.getini("penstock_slots")),
        getattr(request, "module", None),
    )
    cluster.begin()
    try:
        yield cluster
    finally:
        cluster.end()
