"""A namespace that is being deleted takes no Events: that keeps nothing in it from being let go."""

from pathlib import Path

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.plan import Event
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.platforms.kubernetes_kinds import KubernetesKind
from tests.operator_kubernetes.rollouts import stateful


def test_resources_of_a_namespace_that_goes_are_told_of_in_the_log_alone(
    client: KubeClient, namespace: str, tmp_path: Path
) -> None:
    job = FlinkDeployment.from_wire(client.create(stateful(namespace, tmp_path)))
    body = {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {"jobReference": {"kind": "FlinkDeployment", "name": "clicks"}, "savepoint": {}},
    }
    snapshot = FlinkStateSnapshot.from_wire(client.create(body))
    client.delete("Namespace", namespace)
    said = Event(Reason.DELETION_FORCED, "The resource is released.")
    KubernetesPlatform(client, Defaults()).emit(job, said)
    KubernetesKind(client, FlinkStateSnapshot).emit(snapshot, said)
    assert client.list("Event", namespace) == []
