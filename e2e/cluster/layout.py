"""Where things are: caches of built binaries, the state folder of the cluster, and its addresses.

Read by every module of this package. It never creates or changes anything.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).resolve().parent / "tools"
STATE = REPOSITORY / "build" / "cluster"
KUBECONFIG = STATE / "kubeconfig"

BRIDGE = "penstock0"
"""The bridge that the run creates first; what pods must reach on the host binds to its address."""
BRIDGE_ADDRESS = "10.124.0.1"
BRIDGE_PREFIX = 24
POD_BRIDGE = "penstock-pods"
POD_SUBNET = "10.125.0.0/24"
SERVICE_SUBNET = "10.126.0.0/16"
API_SERVICE_ADDRESS = "10.126.0.1"
API_PORT = 6443
NODE = "penstock-node"
AUDIT_LOG = "audit.log"
"""In the node's state folder: what service accounts asked of the API server."""
CLUSTER = "penstock-e2e"
CGROUP = "penstock-e2e"
"""Every pod's processes live under this cgroup, so what is left of a crashed run can be found and ended."""
PAUSE_IMAGE = "penstock.local/pause:1"


class ClusterError(Exception):
    """Something about the cluster is not as it must be; the message says what to do."""


def cache_folder() -> Path:
    """Return the folder in which built binaries and images are kept between runs."""
    root = os.environ.get("PENSTOCK_CACHE") or Path.home() / ".cache" / "penstock"
    return Path(root)


def digest_of(*files: Path) -> str:
    """Return a short digest of the files' contents, in the given order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tools module (go.mod, go.sum, tools.go) and the commands that are built from it."""

    name: str
    packages: tuple[tuple[str, str], ...]
    """Pairs of the command's name and its import path."""
    ldflags: str = "-s -w"

    @property
    def source(self) -> Path:
        """The folder with the module's files."""
        return TOOLS / self.name

    @property
    def folder(self) -> Path:
        """The cache folder for the binaries of exactly these module versions."""
        return cache_folder() / f"{self.name}-{digest_of(self.source / 'go.sum')}"

    def binary(self, command: str) -> Path:
        """Return the path of a built command, whether it exists yet or not."""
        return self.folder / command

    @property
    def is_built(self) -> bool:
        """Whether every command of the tool is in the cache."""
        return all(self.binary(command).exists() for command, _ in self.packages)


_VERSION = "k8s.io/component-base/version"
_KUBERNETES_COMMANDS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)
KUBERNETES = Tool(
    "kubernetes",
    tuple((name, f"k8s.io/kubernetes/cmd/{name}") for name in _KUBERNETES_COMMANDS),
    f"-s -w -X {_VERSION}.gitVersion=v1.34.4 -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=34"
    f" -X {_VERSION}.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v1.34.4",
)
ETCD = Tool("etcd", (("etcd", "go.etcd.io/etcd/server/v3"),))
COREDNS = Tool("coredns", (("coredns", "github.com/coredns/coredns"),))
_HELM = "helm.sh/helm/v3"
HELM = Tool(
    "helm",
    (("helm", f"{_HELM}/cmd/helm"),),
    f"-s -w -X {_HELM}/internal/version.version=v3.22.0"
    f" -X {_HELM}/pkg/chartutil.k8sVersionMajor=1 -X {_HELM}/pkg/chartutil.k8sVersionMinor=34"
    f" -X {_HELM}/pkg/lint/rules.k8sVersionMajor=1 -X {_HELM}/pkg/lint/rules.k8sVersionMinor=34",
)
TOOLS_IN_ORDER = (KUBERNETES, ETCD, HELM, COREDNS)
