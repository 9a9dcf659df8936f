"""Where each kind lives in the API server's tree. Used by the Kubernetes client only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_api.v1beta1.model import API_VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    api_version: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or a part of it; no namespace means all of them."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [root]
        if self.is_namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


KINDS: dict[str, Kind] = {
    "ConfigMap": Kind("v1", "configmaps"),
    "ControllerRevision": Kind("apps/v1", "controllerrevisions"),
    "CustomResourceDefinition": Kind("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "Deployment": Kind("apps/v1", "deployments"),
    "Event": Kind("v1", "events"),
    "FlinkBlueGreenDeployment": Kind(API_VERSION, "flinkbluegreendeployments"),
    "FlinkDeployment": Kind(API_VERSION, "flinkdeployments"),
    "FlinkSessionJob": Kind(API_VERSION, "flinksessionjobs"),
    "FlinkStateSnapshot": Kind(API_VERSION, "flinkstatesnapshots"),
    "Ingress": Kind("networking.k8s.io/v1", "ingresses"),
    "Lease": Kind("coordination.k8s.io/v1", "leases"),
    "LimitRange": Kind("v1", "limitranges"),
    "Namespace": Kind("v1", "namespaces", False),
    "MutatingWebhookConfiguration": Kind(
        "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", False
    ),
    "NetworkPolicy": Kind("networking.k8s.io/v1", "networkpolicies"),
    "Node": Kind("v1", "nodes", False),
    "Pod": Kind("v1", "pods"),
    "PodGroup.scheduling.volcano.sh": Kind("scheduling.volcano.sh/v1beta1", "podgroups"),
    "PodGroup.scheduling.x-k8s.io": Kind("scheduling.x-k8s.io/v1alpha1", "podgroups"),
    "ResourceQuota": Kind("v1", "resourcequotas"),
    "RoleBinding": Kind("rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": Kind("v1", "secrets"),
    "Service": Kind("v1", "services"),
    "ServiceAccount": Kind("v1", "serviceaccounts"),
    "ValidatingWebhookConfiguration": Kind(
        "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", False
    ),
}
"""By kind; by kind and group where several groups have one of that name."""


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of an object."""
    name, group = str(manifest["kind"]), str(manifest.get("apiVersion", "")).partition("/")[0]
    return KINDS.get(f"{name}.{group}") or KINDS[name]
