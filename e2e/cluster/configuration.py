"""The configuration files of the node's processes, as text.

Called by the node as it starts. Pure: it knows no process and writes no file.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from e2e.cluster.layout import (
    BRIDGE_ADDRESS,
    CGROUP,
    PAUSE_IMAGE,
    POD_BRIDGE,
    POD_SUBNET,
)


def containerd_config(state: Path) -> str:
    """Configure containerd: its own folders, runc without systemd, and no negative oom scores (they may be refused)."""
    return f"""\
version = 2
root = "{state}/containerd/root"
state = "{state}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "{state}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "{PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{state}/cni"
"""


def pod_network(state: Path) -> str:
    """Configure the pods' network: one bridge, addresses handed out from files in the state folder."""
    bridge = {
        "type": "bridge",
        "bridge": POD_BRIDGE,
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(state / "addresses"),
            "ranges": [[{"subnet": POD_SUBNET}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "1.0.0", "name": "penstock-pods", "plugins": plugins})


def kubelet_config(state: Path) -> str:
    """Configure the kubelet: everything in the state folder, pods under our cgroup, generous about disk."""
    pki = state / "pki"
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": BRIDGE_ADDRESS,
            "healthzBindAddress": BRIDGE_ADDRESS,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}",
            "containerRuntimeEndpoint": f"unix://{state}/containerd.sock",
            "tlsCertFile": str(pki / "kubelet.crt"),
            "tlsPrivateKeyFile": str(pki / "kubelet.key"),
            "failSwapOn": False,
            "failCgroupV1": False,
            "resolvConf": str(state / "resolv.conf"),
            "clusterDomain": "cluster.local",
            "clusterDNS": [BRIDGE_ADDRESS],
            "makeIPTablesUtilChains": False,
            "podLogsDir": str(state / "pod-logs"),
            "volumePluginDir": str(state / "volume-plugins"),
            "imageMinimumGCAge": "24h",
            "maxPods": 200,
            "registryPullQPS": 20,
            "registryBurst": 40,
            "evictionHard": {
                "imagefs.available": "1%",
                "nodefs.available": "1%",
                "memory.available": "100Mi",
            },
        }
    )


def dns_config(kubeconfig: Path) -> str:
    """Configure CoreDNS: the cluster's names, and a quick no to every other."""
    return f"""\
cluster.local:53 in-addr.arpa:53 {{
    bind {BRIDGE_ADDRESS}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig} penstock-e2e
        ttl 2
    }}
}}
.:53 {{
    bind {BRIDGE_ADDRESS}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""
