"""The cluster in Docker: kind, for machines where Docker answers.

Called by the providers. It owns the kind cluster of its own name, and no other.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from e2e.cluster.layout import CLUSTER, STATE, ClusterError


class Kind:
    """The cluster made by kind; pods reach the host by the gateway of kind's own network."""

    def __init__(self, state: Path = STATE) -> None:
        self.state = state
        self.kubeconfig = state / "kubeconfig"

    @property
    def host_address(self) -> str:
        """The address of the bridge by which pods reach servers of this machine."""
        configs = json.loads(_must("docker", "network", "inspect", "kind"))[0]["IPAM"]["Config"]
        return str(next(config["Gateway"] for config in configs if "." in config.get("Gateway", "")))

    def up(self) -> None:
        """Create the cluster and wait until its node is ready; a running one is left as it is."""
        if self.is_up():
            return
        self.state.mkdir(parents=True, exist_ok=True)
        _must(
            "kind",
            "create",
            "cluster",
            "--name",
            CLUSTER,
            "--kubeconfig",
            str(self.kubeconfig),
            "--wait",
            "180s",
        )

    def is_up(self) -> bool:
        """Whether kind knows the cluster and the API server answers."""
        known = CLUSTER in _must("kind", "get", "clusters").split()
        return known and self.kubeconfig.exists() and self.kubectl("get", "--raw", "/readyz").returncode == 0

    def down(self) -> None:
        """Delete the cluster and the state folder."""
        if CLUSTER in _must("kind", "get", "clusters").split():
            _must("kind", "delete", "cluster", "--name", CLUSTER, "--kubeconfig", str(self.kubeconfig))
        shutil.rmtree(self.state, ignore_errors=True)

    def kubectl(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl against this cluster only."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, input=text, check=False)

    def kill_container(self, identity: str) -> None:
        """Kill a container's first process by signal 9, as a crash would; `identity` is of the pod's status."""
        container = identity.removeprefix("containerd://")
        node = f"{CLUSTER}-control-plane"
        _must("docker", "exec", node, "ctr", "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", container)

    def import_image(self, archive: Path) -> None:
        """Load an image archive into the cluster's node."""
        _must("kind", "load", "image-archive", str(archive), "--name", CLUSTER)


def kind_answers() -> bool:
    """Whether Docker answers here and kind and kubectl are installed."""
    if not all(shutil.which(command) for command in ("docker", "kind", "kubectl")):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20).returncode == 0


def _must(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout
