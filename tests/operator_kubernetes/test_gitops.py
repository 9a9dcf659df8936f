"""GitOps for real: a git repository with kustomize overlays, a loop of server-side apply and diff, the operator beside it.

A commit upgrades, a revert restores, and after every reconcile, rescale and rollback `kubectl diff` is empty.
`kubectl penstock` is tried on the same job: its history, differences, and the way back by hand.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import stateful
from tests.operator_kubernetes.test_operator_process import Running, eventually
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(240)

KUBECTL = next(iter(sorted(Path("~/.cache/penstock").expanduser().glob("kubernetes-*/kubectl"))), None)
MANAGER = "gitops"


class Repository:
    """A clone with a base and an overlay for production, and the loop that applies it."""

    def __init__(self, folder: Path, kubeconfig: Path, manifest: dict[str, Any]) -> None:
        self._folder = folder
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(folder.parent)}
        self._namespace = manifest["metadata"].pop("namespace")
        self._write("base/clicks.yaml", manifest)
        self._write("base/kustomization.yaml", {"resources": ["clicks.yaml"]})
        self.overlay({})
        self._git("init", "--quiet", "--initial-branch", "main")
        self.commit("The job")

    def _write(self, name: str, body: dict[str, Any]) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(body))

    def _git(self, *words: str) -> None:
        who = ("-c", "user.name=Team", "-c", "user.email=team@example.org")
        subprocess.run(
            ["git", *who, *words], cwd=self._folder, env=self._environment, check=True, capture_output=True
        )

    def _kubectl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(KUBECTL), *words], env=self._environment, capture_output=True, text=True, timeout=60
        )

    def overlay(self, spec: dict[str, Any]) -> None:
        """What production has on top of the base."""
        patch = {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkDeployment",
            "metadata": {"name": "clicks"},
            "spec": spec,
        }
        self._write("production/patch.yaml", patch)
        kustomization = {
            "resources": ["../base"],
            "namespace": self._namespace,
            "labels": [{"pairs": {"environment": "production"}}],
            "patches": [{"path": "patch.yaml"}],
        }
        self._write("production/kustomization.yaml", kustomization)

    def commit(self, message: str) -> None:
        """Commit everything, and sync."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def revert(self) -> None:
        """Take the last commit back."""
        self._git("revert", "--no-edit", "HEAD")

    def sync(self) -> None:
        """Server-side apply of the overlay, as a GitOps tool does it."""
        options = ("--server-side", "--field-manager", MANAGER, "-k", str(self._folder / "production"))
        done = self._kubectl("apply", *options)
        assert done.returncode == 0, done.stderr

    def difference(self) -> str:
        """What `kubectl diff` says: nothing where git and cluster agree."""
        options = ("--server-side", "--field-manager", MANAGER, "-k", str(self._folder / "production"))
        done = self._kubectl("diff", *options)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def penstock(self, *words: str, code: int = 0) -> str:
        """`kubectl penstock`, as kubectl would run it."""
        done = subprocess.run(
            [sys.executable, "-m", "penstock_operator.plugin.commands", *words, "-n", self._namespace],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture
def kubelet(client: KubeClient, stubs: StubJobManagers) -> Iterator[StubKubelet]:
    with StubKubelet(client, stubs) as found:
        yield found


@pytest.fixture
def repository(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    kubelet: StubKubelet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Repository]:
    assert KUBECTL is not None, "kubectl is built with the API server"
    kubeconfig = api_server.kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    manifest = stateful(namespace, tmp_path)
    manifest["spec"]["flinkConfiguration"]["kubernetes.operator.deployment.rollback.enabled"] = "true"
    running = Running(client, stubs.address, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
    try:
        yield Repository(tmp_path / "repository", kubeconfig, manifest)
    finally:
        running.stop()


@pytest.fixture
def reaches(client: KubeClient, namespace: str) -> Callable[[str], dict[str, Any]]:
    """Wait until the generation that is there now was seen and is in the lifecycle state; its status."""

    def wait(lifecycle: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            body = client.get("FlinkDeployment", "clicks", namespace) or {"metadata": {}}
            status = body.get("status", {})
            is_seen = status.get("observedGeneration") == body["metadata"].get("generation")
            return status if is_seen and status.get("lifecycleState") == lifecycle else None

        return dict(eventually(f"lifecycle {lifecycle}", found, seconds=60))

    return wait


def test_commits_upgrade_reverts_restore_and_nothing_drifts(
    repository: Repository,
    reaches: Callable[[str], dict[str, Any]],
    stubs: StubJobManagers,
    kubelet: StubKubelet,
    client: KubeClient,
    namespace: str,
) -> None:
    repository.sync()
    reaches("STABLE")
    assert repository.difference() == ""
    repository.overlay({"job": {"args": ["--two"]}})
    repository.commit("Another argument")
    assert "--two" in repository.difference()
    repository.sync()
    upgraded = reaches("STABLE")
    assert "savepoint-" in upgraded["jobStatus"]["upgradeSavepointPath"]
    assert repository.difference() == ""
    repository.overlay({"job": {"args": ["--two"], "parallelism": 2}})
    repository.commit("Wider")
    repository.sync()
    reaches("STABLE")
    assert repository.difference() == "", "after a rescale"
    repository.revert()
    repository.sync()
    reaches("STABLE")
    assert repository.difference() == "", "after the revert"
    history = reaches("STABLE")["history"]
    assert history[-1]["by"] == MANAGER
    assert kubelet.side_by_side == []
    uid = (client.get("FlinkDeployment", "clicks", namespace) or {})["metadata"]["uid"]
    starts = stubs.starts[uid]
    assert not any(start.lost_state for start in starts)


def test_a_rollback_leaves_no_drift_and_a_revert_ends_it(
    repository: Repository,
    reaches: Callable[[str], dict[str, Any]],
    stubs: StubJobManagers,
    client: KubeClient,
    namespace: str,
) -> None:
    repository.sync()
    first = reaches("STABLE")
    repository.overlay({"job": {"args": ["--broken"]}})
    repository.commit("A version that fails")
    repository.sync()
    place = f"{namespace}-clicks"

    def is_new() -> bool:
        found = (client.get("FlinkDeployment", "clicks", namespace) or {}).get("status", {})
        job = stubs.jobs.get((place, "clicks"))
        if job is None or found["jobStatus"]["jobId"] == first["jobStatus"]["jobId"]:
            return False
        if found["lifecycleState"] == "DEPLOYED":
            job.state = FlinkJobState.FAILED
        return found["lifecycleState"] in ("ROLLING_BACK", "ROLLED_BACK")

    eventually("the rollback", is_new)
    rolled = reaches("ROLLED_BACK")
    assert json.loads(rolled["error"])["type"] == "RolledBack"
    assert repository.difference() == "", "the operator never writes the spec"
    repository.revert()
    repository.sync()
    status = reaches("STABLE")
    assert status.get("error") is None
    assert repository.difference() == ""
    assert [each["outcome"] for each in status["history"]] == ["Stable", "RolledBack", "Stable"]


def test_kubectl_penstock_tells_the_history_and_goes_back(
    repository: Repository, reaches: Callable[[str], dict[str, Any]], client: KubeClient, namespace: str
) -> None:
    repository.sync()
    reaches("STABLE")
    assert "error: no earlier revision worked" in repository.penstock("rollback", "clicks", code=1)
    repository.overlay({"job": {"args": ["--two"]}})
    repository.commit("Another argument")
    repository.sync()
    status = reaches("STABLE")
    told = repository.penstock("history", "clicks")
    assert [line.split()[:2] for line in told.splitlines()[1:]] == [["1", "Stable"], ["2", "Stable"]]
    assert "job.args" in told
    assert MANAGER in told
    assert status["history"][1]["fromState"] in told
    changed = repository.penstock("diff", "clicks")
    assert "+  - --two" in changed
    assert "no difference" in repository.penstock("diff", "clicks", "--from", "2")
    assert "STABLE" in repository.penstock("status", "clicks")
    generation = client.get("FlinkDeployment", "clicks", namespace)["metadata"]["generation"]  # type: ignore[index]
    assert "would be rolled back" in repository.penstock("rollback", "clicks", "--dry-run")
    after = client.get("FlinkDeployment", "clicks", namespace)["metadata"]["generation"]  # type: ignore[index]
    assert after == generation
    assert "is rolled back to revision 1" in repository.penstock("rollback", "clicks")
    status = reaches("STABLE")
    assert (status["history"][-1]["number"], status["history"][-1]["by"]) == (3, "kubectl-penstock")
    assert status["history"][-1]["specHash"] == status["history"][0]["specHash"]
    assert "savepoint-" in status["history"][-1]["fromState"]
    assert "--two" in repository.difference(), "git still says something else, and sees it"
    revisions = client.list("ControllerRevision", namespace)
    assert sorted(found["revision"] for found in revisions) == [1, 2, 3]
    assert {found["metadata"]["ownerReferences"][0]["name"] for found in revisions} == {"clicks"}
    assert "there is no flinkdeployment" in repository.penstock("status", "other", code=1)
    assert "is not kept" in repository.penstock("rollback", "clicks", "--to", "9", code=1)
