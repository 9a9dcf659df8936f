"""The host's side of the cluster's network: the bridge that everything binds to, and the removal of all traces.

Called by the node. It never changes an interface, table or rule that the cluster did not make.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from e2e.cluster.layout import BRIDGE, BRIDGE_ADDRESS, BRIDGE_PREFIX, POD_BRIDGE, POD_SUBNET, ClusterError

_PLUGIN_TABLES = (("ip", "nat"), ("ip", "filter"))
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def make_bridge(state: Path) -> None:
    """Make the bridge with its address, and remember whether the machine forwarded packets before."""
    if not _succeeds("ip", "link", "show", BRIDGE):
        _must("ip", "link", "add", BRIDGE, "type", "bridge")
        _must("ip", "addr", "add", f"{BRIDGE_ADDRESS}/{BRIDGE_PREFIX}", "dev", BRIDGE)
    _must("ip", "link", "set", BRIDGE, "up")
    remembered = state / "ip_forward"
    if not remembered.exists():
        remembered.write_text(_FORWARD.read_text())
        for table in _PLUGIN_TABLES:
            if not _succeeds("nft", "list", "table", *table):
                (state / f"made-{'-'.join(table)}").touch()


def has_bridge() -> bool:
    """Whether the bridge is there."""
    return _succeeds("ip", "link", "show", BRIDGE)


def remove_network(state: Path) -> None:
    """Remove both bridges, kube-proxy's tables, the chains that the pods' network left, and forwarding if it was off."""
    for bridge in (POD_BRIDGE, BRIDGE):
        if _succeeds("ip", "link", "show", bridge):
            _must("ip", "link", "del", bridge)
    for family in ("ip", "ip6"):
        if _succeeds("nft", "list", "table", family, "kube-proxy"):
            _must("nft", "delete", "table", family, "kube-proxy")
    _remove_pod_chains()
    for table in _PLUGIN_TABLES:  # the network plugins make them through iptables and leave them empty
        if (state / f"made-{'-'.join(table)}").exists() and not _has_rules(table):
            _succeeds("nft", "delete", "table", *table)
    remembered = state / "ip_forward"
    if remembered.exists():
        _FORWARD.write_text(remembered.read_text())


def _remove_pod_chains() -> None:
    """Remove the masquerading chains of pods whose sandbox was killed, known by our subnet in them."""
    rules = _output("iptables-save", "-t", "nat").splitlines()
    prefix = POD_SUBNET.rsplit(".", 1)[0] + "."
    ours = {
        match[1] for rule in rules if prefix in rule and (match := re.search(r"-j (CNI-[0-9a-f]+)", rule))
    } | {match[1] for rule in rules if prefix in rule and (match := re.match(r"-A (CNI-[0-9a-f]+)", rule))}
    for rule in rules:
        if rule.startswith("-A POSTROUTING") and any(chain in rule for chain in ours):
            _succeeds("sh", "-c", f"iptables -t nat {rule.replace('-A', '-D', 1)}")
    for chain in sorted(ours):
        _succeeds("iptables", "-t", "nat", "-F", chain)
        _succeeds("iptables", "-t", "nat", "-X", chain)


def _has_rules(table: tuple[str, str]) -> bool:
    """Whether the table holds a rule: a line that is neither a chain's head nor a brace."""
    lines = _output("nft", "list", "table", *table).splitlines()
    inner = [line.strip() for line in lines[1:]]
    return any(line and not line.startswith(("chain", "type", "}")) for line in inner)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _must(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(command)} failed: {done.stderr.strip()}")
