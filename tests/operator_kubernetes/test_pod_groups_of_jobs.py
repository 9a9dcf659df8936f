"""The PodGroup that a batch scheduler places a job's pods by: made where the cluster has such, refused where it has none."""

import pytest

from penstock_api.reasons import Reason
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from tests.operator_kubernetes.pod_groups import VOLCANO, serve_pod_groups
from tests.operator_kubernetes.test_platform_on_a_real_api_server import launch_of, make

pytestmark = pytest.mark.timeout(300)
GROUP = "PodGroup.scheduling.volcano.sh"


@pytest.fixture
def platform(client: KubeClient) -> KubernetesPlatform:
    return KubernetesPlatform(client, Defaults(operator_namespace="penstock"))


def test_group_of_all_pods_is_made_and_named_by_them(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    serve_pod_groups(client, VOLCANO)
    wanted = {"name": "volcano", "queue": "streaming", "priorityClassName": "high"}
    resource = make(client, namespace, batchScheduler=wanted)
    assert platform.refusals(resource) == ()
    platform.deploy(resource, launch_of(resource))
    place = f"{namespace}-clicks"
    [group] = client.list(GROUP, place)
    assert group["metadata"]["name"] == "clicks"
    assert group["spec"]["minMember"] == 3
    assert group["spec"]["queue"] == "streaming"
    assert group["spec"]["priorityClassName"] == "high"
    assert set(group["spec"]["minResources"]) == {"cpu", "memory"}
    for name in ("clicks", "clicks-taskmanager"):
        pods = (client.get("Deployment", name, place) or {})["spec"]["template"]
        assert pods["metadata"]["annotations"]["scheduling.k8s.io/group-name"] == "clicks"
        assert pods["spec"]["schedulerName"] == "volcano"
    platform.deploy(resource, launch_of(resource))
    assert [found["metadata"]["uid"] for found in client.list(GROUP, place)] == [group["metadata"]["uid"]]


def test_scheduler_whose_groups_the_cluster_does_not_know_is_refused(
    client: KubeClient, namespace: str, platform: KubernetesPlatform
) -> None:
    resource = make(client, namespace, batchScheduler={"name": "scheduler-plugins"})
    [problem] = platform.refusals(resource)
    assert problem.reason is Reason.VALIDATION_ERROR
    assert "scheduling.x-k8s.io/v1alpha1, which this cluster does not serve" in problem.message
    own = make(client, namespace, "other", batchScheduler={"name": "scheduler-plugins", "podGroup": "mine"})
    assert platform.refusals(own) == ()
