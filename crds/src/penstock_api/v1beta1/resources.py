"""What the processes of a job are given: CPU, memory, replicas, pod templates, an Ingress.

Parts of `FlinkDeploymentSpec`. Nothing is validated here beyond its shape: the operator's rules say what is allowed,
so that a wrong value becomes a reason in the status and never an unreadable object.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from penstock_api.v1beta1 import rule
from penstock_api.v1beta1.cost import Cost, WhenStandalone
from penstock_api.v1beta1.model import ApiModel, IntOrString, Nullable


def _quantity(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Quantity = Annotated[str, BeforeValidator(_quantity), IntOrString()]
"""A Kubernetes quantity: `2`, `500m`, `1Gi`; numbers are taken as text."""


class Resource(ApiModel):
    """CPU and memory the old way; used only when `resources` is empty."""

    cpu: Annotated[float | None, rule.MORE_THAN_NOTHING] = None
    """CPU in cores."""
    memory: Annotated[str | None, rule.SIZE] = None
    """Memory as Flink ("2048m", "1g") or Kubernetes ("1Gi") writes it."""
    ephemeral_storage: Annotated[str | None, rule.SIZE] = None
    """Ephemeral storage as Flink or Kubernetes writes it."""


class ResourceClaim(ApiModel):
    """A claim of dynamic resource allocation."""

    name: str | None = None
    """Name of one of the pod's resource claims."""
    request: str | None = None
    """The request within the claim."""


class ResourceRequirements(ApiModel):
    """Kubernetes' own requests, limits and claims for the main container."""

    requests: dict[str, Quantity] = Field(default_factory=dict)
    """What the container is guaranteed."""
    limits: dict[str, Quantity] = Field(default_factory=dict)
    """What the container may use at most."""
    claims: list[ResourceClaim] = Field(default_factory=list)
    """Claims of dynamic resource allocation."""


class JobManagerSpec(ApiModel):
    """The JobManager's pods."""

    resource: Resource | None = None
    """CPU and memory; deprecated, used only when `resources` is empty."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the main container."""
    replicas: Annotated[int, rule.AT_LEAST_ONE] = 1
    """How many JobManagers; more than one needs high availability."""
    pod_template: dict[str, Any] | None = None
    """Merged over the resource's own pod template."""


class TaskManagerSpec(ApiModel):
    """The TaskManagers' pods."""

    resource: Resource | None = None
    """CPU and memory; deprecated, used only when `resources` is empty."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the main container."""
    replicas: Annotated[int | None, WhenStandalone(Cost.SCALE), Nullable(), rule.AT_LEAST_ONE] = None
    """How many TaskManagers; if set, the parallelism is replicas times slots."""
    pod_template: dict[str, Any] | None = None
    """Merged over the resource's own pod template."""


class IngressTls(ApiModel):
    """TLS of an Ingress."""

    hosts: list[str] = Field(default_factory=list)
    """Hosts of the certificate."""
    secret_name: str | None = None
    """Secret that holds the certificate."""


class IngressSpec(ApiModel):
    """An Ingress to the job's web page and REST API."""

    template: str | None = None
    """URL with `{{name}}` and `{{namespace}}`: a host, a host with a path, or a path."""
    class_name: str | None = None
    """Ingress class."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Annotations of the Ingress."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels of the Ingress."""
    tls: list[IngressTls] = Field(default_factory=list)
    """TLS settings of the Ingress."""
