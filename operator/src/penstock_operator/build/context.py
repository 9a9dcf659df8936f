"""What every builder is given: the launch, where it goes, and the installation's defaults.

Made by the Kubernetes platform for each deploy. Holds values only.
"""

from dataclasses import dataclass, field
from typing import Any

from penstock_operator.build import labels
from penstock_operator.model.launch import Launch, ha_type

Manifest = dict[str, Any]
"""An object as the API server takes it."""

CONFIG_DIRECTORY = "/opt/flink/conf"
TLS_DIRECTORY = "/opt/penstock-tls"
PROGRAM_DIRECTORY = "/opt/flink/usrlib"
MAIN_CONTAINER = "flink-main-container"
RPC_PORT = 6123
REST_PORT = 8081


def config_name(cluster: str) -> str:
    """Name of the ConfigMap with `config.yaml` of the cluster of this name."""
    return f"flink-config-{cluster}"


def tls_name(cluster: str) -> str:
    """Name of the Secret with its certificates."""
    return f"{cluster}-penstock-tls"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the installation decides for jobs that do not."""

    image: str = "penstock/runtime:0.1.0"
    image_pull_policy: str = "IfNotPresent"
    cluster_role: str = "penstock-job"
    ha_cluster_role: str = "penstock-job-ha"
    """Of jobs that elect among several JobManagers by the API server."""
    role_kind: str = "ClusterRole"
    """`Role` where the installation has its roles in the watched namespaces."""
    operator_namespace: str = "default"
    operator_pods: tuple[tuple[str, str], ...] = ()
    """Labels of the operator's own pods; empty, every pod of its namespace counts as the operator."""
    scrapers: Manifest | None = None
    """Selects the namespaces whose pods may read metrics; none if unset."""
    ingress_controllers: Manifest = field(default_factory=dict)
    """Selects the namespaces that serve Ingresses, for jobs that have one; all of them if empty."""
    configuration: tuple[tuple[str, str], ...] = ()
    """Flink keys of every job, under its own."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """One job and its place."""

    launch: Launch
    namespace: str
    defaults: Defaults

    @property
    def name(self) -> str:
        """Name of the resource and of most of its objects."""
        return self.launch.ref.name

    @property
    def is_dedicated(self) -> bool:
        """Whether the namespace is the job's own."""
        return self.namespace != self.launch.ref.namespace

    @property
    def cluster(self) -> str:
        """Name of JobManager, TaskManagers and what is theirs alone: another than the resource's after a warm upgrade."""
        return self.launch.name

    @property
    def config_name(self) -> str:
        """Name of the ConfigMap with `config.yaml`."""
        return config_name(self.cluster)

    @property
    def tls_name(self) -> str:
        """Name of the Secret with the job's certificates."""
        return tls_name(self.cluster)

    @property
    def service_account(self) -> str:
        """The pods' service account: the one that the spec names, else one of the job's own."""
        return self.launch.spec.service_account or self.name

    @property
    def rest_port(self) -> int:
        """Port of the REST API and the page."""
        return int(self.launch.configuration.get("rest.port", str(REST_PORT)))

    @property
    def ha_type(self) -> str:
        """How a leader is elected: `kubernetes`, `zookeeper`, or `none`."""
        return ha_type(self.launch.configuration)

    @property
    def service_hosts(self) -> tuple[str, ...]:
        """Names by which the JobManager is reached."""
        return tuple(
            f"{service}{suffix}"
            for service in (self.cluster, f"{self.name}-rest")
            for suffix in (
                "",
                f".{self.namespace}",
                f".{self.namespace}.svc",
                f".{self.namespace}.svc.cluster.local",
            )
        )

    def metadata(
        self,
        name: str,
        *,
        more_labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> Manifest:
        """Metadata of an object of this job: labels of ownership, and beside the resource an owner reference."""
        found: Manifest = {
            "name": name,
            "namespace": self.namespace,
            "labels": {**labels.owned_labels(self.launch.ref, self.launch.uid), **(more_labels or {})},
        }
        if annotations:
            found["annotations"] = annotations
        if not self.is_dedicated:
            found["ownerReferences"] = [
                {
                    "apiVersion": "flink.apache.org/v1beta1",
                    "kind": "FlinkDeployment",
                    "name": self.name,
                    "uid": self.launch.uid,
                    "controller": False,
                    "blockOwnerDeletion": True,
                }
            ]
        return found
