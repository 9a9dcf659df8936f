"""A single-node cluster as processes of this machine: control plane, containerd, kubelet, kube-proxy, CoreDNS.

Called by the providers. It binds to loopback and to the bridge that it makes first, keeps everything in one state
folder, and refuses to start over the remains of another cluster or to remove what it did not make.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from e2e.cluster import configuration
from e2e.cluster.build import build_all, pause_archive
from e2e.cluster.certificates import Leaf, write_kubeconfig, write_pki
from e2e.cluster.layout import (
    API_PORT,
    API_SERVICE_ADDRESS,
    AUDIT_LOG,
    BRIDGE_ADDRESS,
    CGROUP,
    CLUSTER,
    COREDNS,
    ETCD,
    KUBERNETES,
    NODE,
    POD_SUBNET,
    SERVICE_SUBNET,
    STATE,
    ClusterError,
)
from e2e.cluster.network import has_bridge, make_bridge, remove_network
from e2e.cluster.packages import install_missing
from e2e.cluster.processes import Processes, end_cgroup, end_process, make_cgroup, start_time_of, wait_until
from tests.servers.audit import POLICY
from tests.servers.process import free_port

log = logging.getLogger(__name__)

_SERVER = f"https://{BRIDGE_ADDRESS}:{API_PORT}"
_STOP_ORDER = (
    "kubelet",
    "kube-proxy",
    "kube-scheduler",
    "kube-controller-manager",
    "coredns",
    "kube-apiserver",
    "etcd",
)


class Node:
    """The cluster made of processes; one on a machine at a time."""

    def __init__(self, state: Path = STATE) -> None:
        self.state = state
        self.kubeconfig = state / "kubeconfig"
        self.host_address = BRIDGE_ADDRESS
        self._processes = Processes(state)

    def up(self) -> None:
        """Start the cluster and wait until its node is ready; a running one is left as it is."""
        if os.geteuid():
            raise ClusterError("the node needs root (for network and containers); or install Docker and kind")
        if self.is_up():
            return
        if has_bridge() and not self.state.exists():
            raise ClusterError(
                "the bridge penstock0 belongs to a cluster of another folder: bring that one down"
            )
        install_missing()
        build_all()
        self.down()
        started = time.monotonic()
        self.state.mkdir(parents=True)
        (self.state / "cached-before").write_text("\n".join(path.name for path in _cached_results()))
        make_bridge(self.state)
        make_cgroup(CGROUP)
        self._write_files()
        self._start_control_plane()
        self._start_containerd()
        self._start_node()
        self.import_image(pause_archive())
        wait_until(self._is_ready, 180, "the node to be Ready")
        log.info("the node is ready after %.0f s", time.monotonic() - started)

    def is_up(self) -> bool:
        """Whether every process of the cluster runs and the API server answers."""
        running = self._processes.running()
        return bool(running) and set(running) == set(self._processes.recorded()) and self._is_ready()

    def down(self) -> None:
        """End the cluster and remove everything that it made; there may be nothing to remove."""
        if self.state.exists():
            for name in _STOP_ORDER:
                self._processes.stop(name)
            self._remove_containers()
            self._processes.stop("containerd")
            self._unmount()
            remove_network(self.state)
            shutil.rmtree(self.state)
        end_cgroup(CGROUP)

    def kubectl(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl against this cluster only."""
        command = [str(KUBERNETES.binary("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, input=text, check=False)

    def import_image(self, archive: Path) -> None:
        """Import an OCI archive, as `kind load image-archive` would."""
        done = self._ctr("images", "import", str(archive))
        if done.returncode:
            raise ClusterError(f"importing {archive} failed: {done.stderr.strip()}")

    def kill_container(self, identity: str) -> None:
        """Kill a container's first process by signal 9, as a crash would; `identity` is of the pod's status."""
        done = self._ctr("tasks", "kill", "-s", "SIGKILL", identity.removeprefix("containerd://"))
        if done.returncode:
            raise ClusterError(f"killing {identity} failed: {done.stderr.strip()}")

    def _write_files(self) -> None:
        """Write certificates, kubeconfigs and configuration files."""
        pki = self.state / "pki"
        service = "kubernetes.default.svc"
        names = ("localhost", "kubernetes", "kubernetes.default", service, f"{service}.cluster.local")
        leaves = (
            Leaf("api", "kube-apiserver", "", (*names, BRIDGE_ADDRESS, API_SERVICE_ADDRESS)),
            Leaf("admin", "penstock-admin", "system:masters"),
            Leaf("kubelet", f"system:node:{NODE}", "system:nodes", (NODE, BRIDGE_ADDRESS)),
        )
        write_pki(pki, leaves)
        write_kubeconfig(self.kubeconfig, _SERVER, pki, "admin", CLUSTER)
        write_kubeconfig(self.state / "kubelet.kubeconfig", _SERVER, pki, "kubelet", CLUSTER)
        (self.state / "cni").mkdir()
        (self.state / "audit.yaml").write_text(POLICY)
        (self.state / "cni" / "10-pods.conflist").write_text(configuration.pod_network(self.state))
        (self.state / "containerd.toml").write_text(configuration.containerd_config(self.state))
        (self.state / "kubelet.yaml").write_text(configuration.kubelet_config(self.state))
        (self.state / "Corefile").write_text(configuration.dns_config(self.kubeconfig))
        (self.state / "resolv.conf").write_text(f"nameserver {BRIDGE_ADDRESS}\n")

    def _start_control_plane(self) -> None:
        """Start etcd, the API server, the controllers and the scheduler."""
        client, peer = free_port(), free_port()
        etcd = f"http://127.0.0.1:{client}"
        self._start(
            "etcd",
            ETCD.binary("etcd"),
            f"--data-dir={self.state / 'etcd'} --unsafe-no-fsync --log-level=warn --listen-client-urls={etcd}"
            f" --advertise-client-urls={etcd} --listen-peer-urls=http://127.0.0.1:{peer}"
            f" --initial-advertise-peer-urls=http://127.0.0.1:{peer} --initial-cluster=default=http://127.0.0.1:{peer}",
        )
        pki = self.state / "pki"
        self._start(
            "kube-apiserver",
            KUBERNETES.binary("kube-apiserver"),
            f"--etcd-servers={etcd} --bind-address={BRIDGE_ADDRESS} --secure-port={API_PORT}"
            f" --advertise-address={BRIDGE_ADDRESS} --tls-cert-file={pki}/api.crt --tls-private-key-file={pki}/api.key"
            f" --client-ca-file={pki}/ca.crt --service-account-key-file={pki}/sa.pub"
            f" --service-account-signing-key-file={pki}/sa.key"
            " --service-account-issuer=https://kubernetes.default.svc --authorization-mode=Node,RBAC"
            f" --service-cluster-ip-range={SERVICE_SUBNET} --allow-privileged"
            f" --kubelet-client-certificate={pki}/admin.crt --kubelet-client-key={pki}/admin.key"
            f" --kubelet-certificate-authority={pki}/ca.crt --kubelet-preferred-address-types=InternalIP"
            f" --audit-policy-file={self.state}/audit.yaml --audit-log-path={self.state / AUDIT_LOG}",
        )
        self._wait("kube-apiserver", lambda: self.kubectl("get", "--raw", "/readyz").returncode == 0)
        self._start(
            "kube-controller-manager",
            KUBERNETES.binary("kube-controller-manager"),
            f"--kubeconfig={self.kubeconfig} --service-account-private-key-file={pki}/sa.key"
            f" --root-ca-file={pki}/ca.crt --use-service-account-credentials --leader-elect=false"
            f" --cluster-signing-cert-file={pki}/ca.crt --cluster-signing-key-file={pki}/ca.key"
            f" --bind-address={BRIDGE_ADDRESS} --concurrent-namespace-syncs=20",
        )
        self._start(
            "kube-scheduler",
            KUBERNETES.binary("kube-scheduler"),
            f"--kubeconfig={self.kubeconfig} --leader-elect=false --bind-address={BRIDGE_ADDRESS}",
        )

    def _start_containerd(self) -> None:
        self._start("containerd", "/usr/bin/containerd", f"--config={self.state / 'containerd.toml'}")
        self._wait("containerd", lambda: self._ctr("version").returncode == 0)

    def _start_node(self) -> None:
        """Start the kubelet, the Services' proxy and the name server."""
        self._start(
            "kubelet",
            KUBERNETES.binary("kubelet"),
            f"--config={self.state / 'kubelet.yaml'} --kubeconfig={self.state / 'kubelet.kubeconfig'}"
            f" --hostname-override={NODE} --node-ip={BRIDGE_ADDRESS} --root-dir={self.state / 'kubelet'}"
            f" --cert-dir={self.state / 'kubelet-certificates'}",
        )
        self._start(
            "kube-proxy",
            KUBERNETES.binary("kube-proxy"),
            f"--kubeconfig={self.kubeconfig} --proxy-mode=nftables --cluster-cidr={POD_SUBNET}"
            f" --hostname-override={NODE} --bind-address={BRIDGE_ADDRESS} --conntrack-max-per-core=0"
            f" --healthz-bind-address={BRIDGE_ADDRESS}:10256 --metrics-bind-address={BRIDGE_ADDRESS}:10249",
        )
        self._start("coredns", COREDNS.binary("coredns"), f"-conf={self.state / 'Corefile'}")

    def _start(self, name: str, binary: str | Path, arguments: str) -> None:
        self._processes.start(name, [binary, *arguments.split()])

    def _wait(self, name: str, condition: Callable[[], bool]) -> None:
        def ready() -> bool:
            self._processes.assert_running(name)
            return condition()

        wait_until(ready, 180, f"{name} to answer (its log: {self.state / name}.log)")

    def _is_ready(self) -> bool:
        path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
        for name in self._processes.recorded():
            self._processes.assert_running(name)
        return self.kubectl("get", "nodes", "-o", path).stdout.strip() == "True"

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            "ctr",
            "--address",
            str(self.state / "containerd.sock"),
            "--namespace",
            "k8s.io",
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _remove_containers(self) -> None:
        """Kill what runs in our cgroup, then the shims whose containers these were."""
        end_cgroup(CGROUP)
        for pid, start in _shims_of(self.state / "containerd.sock"):
            end_process(pid, start, 2)

    def _unmount(self) -> None:
        """Unmount everything under the state folder, deepest first, and the pods' network namespaces."""
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(f"{self.state}/")), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        before = (
            (self.state / "cached-before").read_text().split()
            if (self.state / "cached-before").exists()
            else []
        )
        for cached in _cached_results():
            if cached.name not in before:
                cached.unlink(missing_ok=True)


def _cached_results() -> list[Path]:
    """Return what the network plugins remember of containers, in a folder that they share with everyone."""
    folder = Path("/var/lib/cni/results")
    return list(folder.iterdir()) if folder.exists() else []


def _shims_of(address: Path) -> list[tuple[int, int]]:
    """Return (pid, start time) of the container shims that serve this containerd."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"containerd-shim" in command[0] and str(address).encode() in command:
                start = start_time_of(int(folder.name))
                if start is not None:
                    found.append((int(folder.name), start))
    return found
