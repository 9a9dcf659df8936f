"""`kubectl penstock history|diff|rollback|status sessionjob/NAME` against a real API server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms import kubernetes_revisions
from penstock_operator.plugin.commands import app
from tests.operator_kubernetes.api_server import ApiServer

pytestmark = pytest.mark.timeout(180)

OLD: dict[str, Any] = {
    "deploymentName": "session",
    "job": {"jarURI": "https://example.com/counting.py", "parallelism": 1, "args": ["--one"]},
}
NEW: dict[str, Any] = {**OLD, "restartNonce": 3, "job": {**OLD["job"], "args": ["--two"]}}
Plugin = Callable[..., str]


@pytest.fixture
def session_job(client: KubeClient, namespace: str) -> dict[str, Any]:
    """The second version of a job whose first one worked, as the operator's loop leaves it."""
    metadata = {"name": "counting", "namespace": namespace}
    kind = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkSessionJob"}
    made = client.create({**kind, "metadata": metadata, "spec": NEW})
    history = [
        {"number": 1, "specHash": "a", "outcome": "Stable", "started": "2026-01-01T00:00:00Z", "by": "git"},
        {"number": 2, "specHash": "b", "outcome": "Failed", "started": "2026-01-02T00:00:00Z"},
    ]
    status = {"history": history, "lifecycleState": "FAILED", "jobStatus": {"jobId": "a" * 32}}
    stored = client.replace({**made, "status": status}, "status")
    resource = FlinkSessionJob.from_wire(stored)
    for number, spec in ((1, OLD), (2, NEW)):
        kubernetes_revisions.keep(client, resource, number, json.dumps(spec), (1, 2))
    return stored


@pytest.fixture
def plugin(api_server: ApiServer, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    kubeconfig = api_server.kubeconfig(tmp_path / "kubeconfig")

    def run(*words: str) -> str:
        found = CliRunner().invoke(app, [*words, "-n", namespace, "--kubeconfig", str(kubeconfig)])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found.output

    return run


def test_its_history_is_told_and_an_earlier_version_is_written_back(
    client: KubeClient, namespace: str, session_job: dict[str, Any], plugin: Plugin
) -> None:
    assert "FAILED" in plugin("status", "sessionjob/counting")
    told = plugin("history", "sessionjob/counting").splitlines()
    assert [line.split()[:2] for line in told[1:]] == [["1", "Stable"], ["2", "Failed"]]
    assert "+  - --two" in plugin("diff", "flinksessionjobs/counting")
    generation = session_job["metadata"]["generation"]
    assert "would be rolled back to revision 1" in plugin("rollback", "sessionjob/counting", "--dry-run")
    found = client.get("FlinkSessionJob", "counting", namespace) or {}
    assert found["metadata"]["generation"] == generation
    assert "is rolled back to revision 1" in plugin("rollback", "sessionjob/counting")
    found = client.get("FlinkSessionJob", "counting", namespace) or {}
    assert found["metadata"]["generation"] == generation + 1
    assert found["spec"]["job"]["args"] == ["--one"]
    assert found["spec"]["restartNonce"] == 3, "nonces stay as they are"
    assert found["status"] == session_job["status"]
