"""Settings of the operator's process: one frozen model, made once in `__main__` from flags and environment, passed down.

The environment variables are `PENSTOCK_` and the field's name in capitals; a few of upstream's names are read as well.
"""

import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RbacScope = Literal["Cluster", "Namespaces"]
DEFAULT_NAMESPACE_TEMPLATE = "{{ namespace }}-{{ name }}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


_SPLIT: dict[str, Callable[[str], object]] = {
    "watch_namespaces": _names,
    "webhook_configurations": _names,
    "launcher": shlex.split,
    "operator_pod_labels": json.loads,
    "scraper_namespaces": json.loads,
    "ingress_namespaces": json.loads,
}


class Settings(BaseModel):
    """How the operator runs."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    watch_namespaces: tuple[str, ...] = ()
    """Namespaces whose resources are reconciled; none means all. Comma-separated in WATCH_NAMESPACES, as upstream's."""
    rbac_scope: RbacScope = "Cluster"
    """`Namespaces`: this process has rights in the watched namespaces only, so jobs run beside their resources there."""
    operator_namespace: str = "default"
    """Namespace of the operator itself, where its Lease lives. Environment: OPERATOR_NAMESPACE."""
    pod_name: str = "penstock-operator"
    """Identity of this process in the Lease. Environment: OPERATOR_POD_NAME."""
    namespace_template: str = DEFAULT_NAMESPACE_TEMPLATE
    """jinja2 template of a job namespace's name, of `namespace` and `name` of the resource."""
    job_cluster_role: str = "penstock-job"
    """ClusterRole that a job's service account is bound to in its namespace."""
    operator_pod_labels: dict[str, str] = Field(default_factory=dict)
    """Labels of the operator's own pods, as JSON: network policies of jobs let in these and no others of its namespace."""
    scraper_namespaces: dict[str, object] | None = None
    """Label selector, as JSON, of the namespaces whose pods may read the metrics of jobs; none if unset."""
    ingress_namespaces: dict[str, object] = Field(default_factory=dict)
    """Label selector, as JSON, of the namespaces that serve Ingresses; all of them if empty."""
    runtime_image: str = "penstock/runtime:0.1.0"
    """Image of a job whose spec names none: what `make images` builds."""
    runtime_image_pull_policy: str = "IfNotPresent"
    """Pull policy of that image."""
    lease_name: str = "penstock-operator-lease"
    """Name of the Lease that the leader holds."""
    lease_seconds: int = 15
    """How long a Lease is valid without being renewed."""
    workers: int = Field(default=8, ge=1)
    """Threads that reconcile; every resource is reconciled by one at a time."""
    health_host: str = "127.0.0.1"
    """Address of the health endpoint: the pod's own in a cluster, whose kubelet asks there. Environment: POD_IP."""
    health_port: int = 8085
    """Port of the health endpoint, as upstream's."""
    webhook_configurations: tuple[str, ...] = ()
    """Names, with commas between them, of the webhook configurations that get the CA; none: there is no webhook."""
    webhook_service: str = "penstock-operator-webhook"
    """Service by which the API server reaches the webhook."""
    webhook_secret: str = "penstock-webhook-certificates"  # noqa: S105 - the name of the object
    """Secret of the webhook's CA and certificate, which the leader makes and renews."""
    metrics_port: int | None = None
    """Port of the Prometheus metrics, at the health endpoint's address; none, no metrics are served."""
    webhook_port: int = 9443
    """Port of the webhook. Environment: WEBHOOK_SERVER_PORT."""
    home: Path = Path("~/.penstock")
    """Folder of the local platform. Environment: PENSTOCK_HOME."""
    launcher: tuple[str, ...] = ()
    """Command of the runtime's command line on the local platform, as a shell would split it; this Python's if unset."""
    log_level: str = "INFO"
    """Least severe log level that is written."""
    log_json: bool = False
    """Logs as JSON lines instead of text; the default in a pod."""

    @model_validator(mode="after")
    def _has_namespaces(self) -> Self:
        if self.rbac_scope == "Namespaces" and not self.watch_namespaces:
            raise ValueError("PENSTOCK_RBAC_SCOPE is Namespaces: name them in WATCH_NAMESPACES")
        return self

    @property
    def within(self) -> tuple[str, ...]:
        """The namespaces that there are rights in; none means all."""
        return self.watch_namespaces if self.rbac_scope == "Namespaces" else ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The settings that the environment gives."""
        found: dict[str, object] = {"log_json": "KUBERNETES_SERVICE_HOST" in environment}
        for name in cls.model_fields:
            text = environment.get(f"PENSTOCK_{name.upper()}") or environment.get(_UPSTREAM.get(name, ""))
            if text:
                found[name] = _SPLIT.get(name, str)(text)
        return cls.model_validate(found)


_UPSTREAM = {
    "watch_namespaces": "WATCH_NAMESPACES",
    "operator_namespace": "OPERATOR_NAMESPACE",
    "pod_name": "OPERATOR_POD_NAME",
    "health_host": "POD_IP",
    "webhook_port": "WEBHOOK_SERVER_PORT",
}
