"""Minimal definitions of two schedulers' PodGroups, for API servers that have no such scheduler."""

from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.errors import ExternalError
from tests.operator_kubernetes.rollouts import eventually

VOLCANO = "scheduling.volcano.sh/v1beta1"
SCHEDULER_PLUGINS = "scheduling.x-k8s.io/v1alpha1"


def serve_pod_groups(client: KubeClient, api_version: str) -> None:
    """Have the API server serve PodGroups of this version; serving them already is well."""
    group, _, version = api_version.partition("/")
    quantities = {"type": "object", "additionalProperties": {"type": "string"}}
    text = {"type": "string"}
    fields = {
        "minMember": {"type": "integer"},
        "minResources": quantities,
        "queue": text,
        "priorityClassName": text,
    }
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
    body: Manifest = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # Such a group wants to be approved by the Kubernetes project, or to say that it is not.
        "metadata": {
            "name": f"podgroups.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "PodGroup", "plural": "podgroups", "singular": "podgroup"},
            "versions": [
                {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    client.apply(body)

    def is_served() -> bool:
        try:
            client.list(f"PodGroup.{group}", "default")
        except ExternalError:
            return False
        return True

    eventually(f"PodGroups of {group}", is_served)
