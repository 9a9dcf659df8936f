"""A session job that is as wanted costs next to nothing: its loop's calls to the API server and to the JobManager, counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.handlers.session_job import session_job_kind, session_jobs
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.reconcile.loop import Loop
from tests.operator_kubernetes.api_server import ApiServer
from tests.operator_kubernetes.test_session_clusters_on_an_api_server import manifest
from tests.servers.stub_jobmanager import StubJob, StubJobManagers

pytestmark = pytest.mark.timeout(120)

TURNS_IN_A_MINUTE = 20
"""While a job is young; later there are six."""
INSTALLED = (
    ("kubernetes.operator.deployment.stability.window", "0 s"),
    ("kubernetes.operator.user.artifacts.disallow-restricted-hosts", "false"),
    ("kubernetes.operator.user.artifacts.allowed-schemes", "file"),
)


@pytest.fixture
def calls(client: KubeClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call of the client, from now on."""
    made: list[str] = []
    send = client._send

    def counted(method: str, path: str, *arguments: Any, **options: Any) -> Any:
        made.append(f"{method} {path}")
        return send(method, path, *arguments, **options)

    monkeypatch.setattr(client, "_send", counted)
    return made


@pytest.fixture
def stubs() -> Iterator[StubJobManagers]:
    with StubJobManagers() as found:
        yield found


def make_session(client: KubeClient, namespace: str, platform: KubernetesPlatform) -> None:
    """A session cluster whose processes are ready, by the word of their Deployments."""
    client.create(manifest("FlinkDeployment", namespace, "session", {"taskManager": {"replicas": 1}}))
    loop, ref = Loop(platform), Ref(namespace, "session")
    for _ in range(3):
        loop.reconcile(ref)
    ready = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    for name in ("session", "session-taskmanager"):
        client.patch("Deployment", name, f"{namespace}-session", {"status": ready}, "status")


def test_session_job_at_rest_asks_less_than_one_question_a_minute(
    api_server: ApiServer,
    client: KubeClient,
    namespace: str,
    stubs: StubJobManagers,
    calls: list[str],
    tmp_path: Path,
) -> None:
    keys = (*INSTALLED, ("kubernetes.operator.user.artifacts.base.dir", str(tmp_path)))
    platform = KubernetesPlatform(client, Defaults(configuration=keys), rest_address=stubs.address)
    make_session(client, namespace, platform)
    (tmp_path / "job.py").write_text("")
    job = {"jarURI": f"file://{tmp_path}/job.py", "parallelism": 1}
    spec = {"deploymentName": "session", "job": job}
    client.create(manifest("FlinkSessionJob", namespace, "counting", spec))
    place = (f"{namespace}-session", "session")
    stubs.jobs[place] = StubJob("0" * 32, "counting", "u", None, None)
    reconcile, ref = (
        session_job_kind(client, session_jobs(client, platform)).reconcile,
        Ref(namespace, "counting"),
    )

    def status() -> dict[str, Any]:
        found = client.get("FlinkSessionJob", "counting", namespace) or {}
        told: dict[str, Any] = found.get("status") or {}
        return told

    reconcile(ref)  # the stub knows no uploads, so the program is not run: the job is as if it had been
    stubs.jobs[place].job_id = status()["jobStatus"]["jobId"]
    for _ in range(6):
        reconcile(ref)
    assert status()["lifecycleState"] == "STABLE", status()
    calls.clear()
    stubs.requests = 0
    for _ in range(TURNS_IN_A_MINUTE):
        assert (reconcile(ref) or 0) >= 60 / TURNS_IN_A_MINUTE
    assert calls == []
    assert stubs.requests <= TURNS_IN_A_MINUTE * 8, "to the JobManager, which is the job's own"
    client.memory.changed("FlinkSessionJob", namespace, "counting")
    reconcile(ref)
    assert calls == [f"GET /apis/flink.apache.org/v1beta1/namespaces/{namespace}/flinksessionjobs/counting"]
