"""Fixtures of the end-to-end tests: the environment, and a job in a namespace, topics and a bucket of the test's own.

On a failure the resource's status, its Events and the logs of its pods are printed with the test.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from e2e.cluster.provider import Cluster, this_cluster
from e2e.environment import Environment, load
from e2e.job import Job, Kubectl
from e2e.storage import make_bucket

_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: it needs the node."""
    for item in items:
        item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember whether the test itself failed, for the job's fixture to tell more."""
    report = yield
    if getattr(report, "when", "") == "call":
        item.stash[_FAILED] = bool(getattr(report, "failed", False))
    return report


@pytest.fixture(scope="session")
def environment() -> Environment:
    """The servers of this session."""
    return load()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of this session; never another one."""
    found = this_cluster()
    assert found.is_up(), "no cluster of these tests is up: run them with `python -m e2e.run`"
    return found


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """Kubectl against the cluster."""
    return Kubectl(cluster)


@pytest.fixture
def bucket(environment: Environment) -> str:
    """A bucket of the test's own; its URI."""
    return make_bucket(environment, f"t-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def job(
    request: pytest.FixtureRequest, kubectl: Kubectl, environment: Environment, bucket: str
) -> Iterator[Job]:
    """A click counter, not applied yet; removed with its namespace after the test."""
    namespace = f"t-{uuid.uuid4().hex[:6]}"
    kubectl.run("create", "namespace", namespace)
    made = Job(kubectl, environment, namespace, bucket)
    made.program()
    yield made
    if request.node.stash.get(_FAILED, False):
        print(made.describe())
    if kubectl.get("flinkdeployment", made.name, "-n", namespace) is not None:
        made.delete()
    kubectl.run("delete", "namespace", namespace, "--wait=false")
