"""`kubectl penstock autoscale` against a real API server: what the operator keeps there is what people are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.autoscale import codec
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms import kubernetes_autoscaler as kept
from penstock_operator.plugin.cluster import PluginError
from penstock_operator.plugin.commands import app
from tests.operator.autoscale.recorded import Recorded
from tests.operator_kubernetes.api_server import ApiServer

pytestmark = pytest.mark.timeout(180)

OPTIONS = {
    "job.autoscaler.mode": "active",
    "job.autoscaler.metrics.window": "5 min",
    "job.autoscaler.quota.cpu": "4",
}


class Plugin:
    """`kubectl penstock autoscale`."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._where = ("-n", namespace, "--kubeconfig", str(kubeconfig))

    def __call__(self, *words: str) -> str:
        result = CliRunner().invoke(app, ["autoscale", *words, *self._where])
        if result.exception is not None:
            raise result.exception
        return result.output


@pytest.fixture
def plugin(api_server: ApiServer, namespace: str, tmp_path: Path) -> Plugin:
    return Plugin(api_server.kubeconfig(tmp_path / "kubeconfig"), namespace)


def applied(client: KubeClient, namespace: str, name: str, keys: dict[str, str]) -> FlinkDeployment:
    """A resource."""
    body: dict[str, Any] = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///opt/job.py", "parallelism": 4}, "flinkConfiguration": keys},
    }
    return FlinkDeployment.from_wire(client.create(body))


def test_what_is_kept_is_explained_told_and_replayed(
    client: KubeClient, namespace: str, plugin: Plugin
) -> None:
    resource = applied(client, namespace, "clicks", OPTIONS)
    recorded = Recorded(AutoscalerOptions.from_keys(OPTIONS))
    recorded.run(1500, 2500.0)
    recorded.run(1500, 9000.0)
    kept.keep(client, resource, codec.encode(recorded.memento))
    kept.keep(client, resource, recorded.recorder.packed(), kept.RECORDING)

    text = plugin("explain", "clicks")
    assert "The autoscaler is active" in text
    assert "'count' (parallelism" in text
    assert "HAS TO DO" in text
    value = json.loads(plugin("explain", "clicks", "-o", "json"))
    assert {one["id"] for one in value["vertices"]} == {"source", "keyed"}
    assert "records wait" in plugin("history", "clicks")
    acts = json.loads(plugin("history", "clicks", "--output", "json"))
    assert any(act["kind"] == "scaled" and "ran again after" in act["outcome"] for act in acts)
    assert "slots, replayed" in plugin("replay", "clicks", "--set", "vertex.max-parallelism=6")

    kept.keep(client, resource, None)
    kept.keep(client, resource, None, kept.RECORDING)
    assert kept.recall(client, resource, kept.RECORDING) is None


def test_what_is_not_there_is_said_in_words(client: KubeClient, namespace: str, plugin: Plugin) -> None:
    applied(client, namespace, "off", {})
    applied(client, namespace, "new", OPTIONS)
    for words, said in (
        (("explain", "nobody"), "there is no flinkdeployment"),
        (("explain", "off"), "is off: set job.autoscaler.mode"),
        (("replay", "new"), "nothing is recorded of new yet"),
    ):
        with pytest.raises(PluginError, match=said):
            plugin(*words)
    assert "Nothing was seen of the job yet" in plugin("explain", "new")
    assert "decided nothing" in plugin("history", "new")
