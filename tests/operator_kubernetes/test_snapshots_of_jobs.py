"""FlinkStateSnapshots on a real API server, with a stub JobManager: taken once, labelled, disposed without a job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.rollouts import eventually, stateful
from tests.operator_kubernetes.test_operator_process import Running
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


@pytest.fixture
def running(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Running]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig(tmp_path / "kubeconfig")))
    with StubKubelet(client, stubs):
        found = Running(client, stubs.address, watch_namespaces=(namespace,), lease_name=f"lease-{namespace}")
        yield found
        found.stop()


def deploy(client: KubeClient, namespace: str, folder: Path, **options: str) -> None:
    """A job that runs."""
    manifest = stateful(namespace, folder)
    manifest["spec"]["flinkConfiguration"] |= {
        f"kubernetes.operator.{key}": value for key, value in options.items()
    }
    client.create(manifest)

    def runs() -> bool:
        found = client.get("FlinkDeployment", "clicks", namespace) or {}
        return ((found.get("status") or {}).get("jobStatus") or {}).get("state") == "RUNNING"

    eventually("the job runs", runs)


def snapshot(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"jobReference": {"kind": "FlinkDeployment", "name": "clicks"}, **spec},
    }


def in_state(client: KubeClient, namespace: str, name: str, state: str) -> dict[str, Any]:
    """The resource once it is in this state."""

    def check() -> dict[str, Any] | None:
        found = client.get("FlinkStateSnapshot", name, namespace) or {}
        return found if (found.get("status") or {}).get("state") == state else None

    found: dict[str, Any] = eventually(f"{name} is {state}", check)
    return found


def test_a_savepoint_is_taken_and_goes_with_its_resource(
    client: KubeClient, namespace: str, running: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    deploy(client, namespace, tmp_path)
    client.create(snapshot(namespace, "first", savepoint={}))
    found = in_state(client, namespace, "first", "COMPLETED")
    path = Path(found["status"]["path"].removeprefix("file://"))
    assert (path / "_metadata").exists()
    marks = found["metadata"]["labels"]
    assert marks["snapshot.type"] == "SAVEPOINT"
    assert marks["snapshot.trigger-type"] == "MANUAL"
    assert marks["snapshot.state"] == "COMPLETED"
    assert (marks["job-reference.kind"], marks["job-reference.name"]) == ("FlinkDeployment", "clicks")
    assert len(stubs.job(f"{namespace}-clicks", "clicks").triggers) == 1

    neighbour = path.parent / "savepoint-of-another-job"
    neighbour.mkdir()
    (neighbour / "_metadata").write_text("not ours")
    client.delete("FlinkDeployment", "clicks", namespace)
    eventually("the job is gone", lambda: client.get("FlinkDeployment", "clicks", namespace) is None)
    client.delete("FlinkStateSnapshot", "first", namespace)
    eventually("the snapshot is gone", lambda: client.get("FlinkStateSnapshot", "first", namespace) is None)
    assert not path.exists()
    assert (neighbour / "_metadata").exists()


def test_a_checkpoint_is_taken_and_stays(
    client: KubeClient, namespace: str, running: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    deploy(client, namespace, tmp_path)
    client.create(snapshot(namespace, "one", checkpoint={}))
    found = in_state(client, namespace, "one", "COMPLETED")
    assert found["metadata"]["labels"]["snapshot.type"] == "CHECKPOINT"
    path = Path(found["status"]["path"].removeprefix("file://"))
    client.delete("FlinkStateSnapshot", "one", namespace)
    eventually("the snapshot is gone", lambda: client.get("FlinkStateSnapshot", "one", namespace) is None)
    assert (path / "_metadata").exists()


def test_a_failure_counts_and_a_missing_job_abandons(
    client: KubeClient, namespace: str, running: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    deploy(client, namespace, tmp_path)
    stubs.job(f"{namespace}-clicks", "clicks").savepoints = "fail"
    client.create(snapshot(namespace, "fails", savepoint={}, backoffLimit=0))
    status = in_state(client, namespace, "fails", "FAILED")["status"]
    assert status["failures"] == 1
    assert "told to fail" in status["error"]
    stray = snapshot(namespace, "stray", savepoint={})
    stray["spec"]["jobReference"]["name"] = "nobody"
    client.create(stray)
    in_state(client, namespace, "stray", "ABANDONED")


def of_trigger(
    client: KubeClient, namespace: str, trigger: str, kind: str = "SAVEPOINT"
) -> list[dict[str, Any]]:
    """The completed snapshots that were triggered so."""
    selector = f"job-reference.name=clicks,snapshot.trigger-type={trigger},snapshot.type={kind}"
    found = client.list("FlinkStateSnapshot", namespace, selector)
    return [each for each in found if (each.get("status") or {}).get("state") == "COMPLETED"]


def test_nonces_clocks_and_upgrades_make_resources(
    client: KubeClient, namespace: str, running: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    deploy(
        client,
        namespace,
        tmp_path,
        **{"periodic.savepoint.interval": "2 s", "savepoint.history.max.count": "2"},
    )
    nonces = {"savepointTriggerNonce": 7, "checkpointTriggerNonce": 7}
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": nonces}})
    eventually("a savepoint by hand", lambda: of_trigger(client, namespace, "MANUAL"))
    eventually("a checkpoint by hand", lambda: of_trigger(client, namespace, "MANUAL", "CHECKPOINT"))
    eventually("savepoints by the clock", lambda: len(of_trigger(client, namespace, "PERIODIC")) >= 2)
    (by_hand,) = of_trigger(client, namespace, "MANUAL")
    assert by_hand["metadata"]["name"].startswith("clicks-savepoint-manual-")
    names = [each["metadata"]["name"] for each in of_trigger(client, namespace, "PERIODIC")]
    first = min(names)
    assert first.startswith("clicks-savepoint-periodic-")
    eventually(
        "the oldest goes", lambda: client.get("FlinkStateSnapshot", first, namespace) is None, seconds=90
    )
    assert of_trigger(client, namespace, "MANUAL"), "what a person asked for stays"

    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": {"args": ["--fast"]}}})
    eventually("the savepoint of the upgrade", lambda: of_trigger(client, namespace, "UPGRADE"))
    (upgrade,) = of_trigger(client, namespace, "UPGRADE")
    assert upgrade["spec"]["savepoint"]["alreadyExists"] is True
    assert upgrade["spec"]["savepoint"]["disposeOnDelete"] is False
    assert Path(upgrade["status"]["path"].removeprefix("file://"), "_metadata").exists()


def test_nonces_where_snapshots_are_no_resources(
    client: KubeClient, namespace: str, running: Running, stubs: StubJobManagers, tmp_path: Path
) -> None:
    deploy(client, namespace, tmp_path, **{"snapshot.resource.enabled": "false"})
    nonces = {"savepointTriggerNonce": 3, "checkpointTriggerNonce": 4}
    client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"job": nonces}})

    def job() -> dict[str, Any]:
        found: dict[str, Any] = (client.get("FlinkDeployment", "clicks", namespace) or {})["status"][
            "jobStatus"
        ]
        return found

    def both() -> bool:
        info, checkpoint = job().get("savepointInfo") or {}, job().get("checkpointInfo") or {}
        return bool(info.get("lastSavepoint") and checkpoint.get("lastCheckpoint"))

    eventually("both are taken", both)
    savepoint, checkpoint = job()["savepointInfo"], job()["checkpointInfo"]
    assert savepoint["lastSavepoint"]["triggerNonce"] == 3
    assert (Path(savepoint["lastSavepoint"]["location"].removeprefix("file://")) / "_metadata").exists()
    assert checkpoint["lastCheckpoint"]["triggerNonce"] == 4
    assert (savepoint.get("triggerId"), checkpoint.get("triggerId")) == (None, None)
    assert client.list("FlinkStateSnapshot", namespace) == []
    assert len(stubs.job(f"{namespace}-clicks", "clicks").triggers) == 2
