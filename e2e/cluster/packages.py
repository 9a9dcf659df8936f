"""Debian packages that the node needs, installed when missing and when this process may.

Called before a build or a start. It never upgrades or removes a package.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

from e2e.cluster.layout import ClusterError

log = logging.getLogger(__name__)

_COMMANDS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "gcc": "gcc",
    "mount": "mount",
}
_FILES = {
    Path("/usr/lib/cni/bridge"): "containernetworking-plugins",
    Path("/usr/lib/x86_64-linux-gnu/libc.a"): "libc6-dev",
}


def missing_packages() -> tuple[str, ...]:
    """Return the Debian packages whose commands or files are not on this machine."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    wanted = {package for command, package in _COMMANDS.items() if not shutil.which(command, path=path)}
    wanted |= {package for file, package in _FILES.items() if not file.exists()}
    return tuple(sorted(wanted))


def install_missing() -> None:
    """Install what is missing, or say the one line that does."""
    wanted = missing_packages()
    if not wanted:
        return
    line = f"apt-get install -y --no-install-recommends {' '.join(wanted)}"
    if os.geteuid() or not shutil.which("apt-get"):
        raise ClusterError(f"the node needs packages that are not here; run as root: {line}")
    log.info("installing %s", ", ".join(wanted))
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], line.split()):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
