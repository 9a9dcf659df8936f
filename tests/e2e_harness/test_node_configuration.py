"""The node's configuration: it listens on its own bridge or loopback only, and keeps everything in one folder."""

import json
import tomllib
from pathlib import Path

import yaml

from e2e.cluster import configuration
from e2e.cluster.layout import BRIDGE_ADDRESS, POD_SUBNET

STATE = Path("/somewhere/build/cluster")


def test_containerd_keeps_to_the_state_folder() -> None:
    config = tomllib.loads(configuration.containerd_config(STATE))
    runtime = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert config["root"].startswith(str(STATE))
    assert config["grpc"]["address"].startswith(str(STATE))
    assert runtime["stream_server_address"] == "127.0.0.1"
    assert runtime["netns_mounts_under_state_dir"] is True


def test_the_kubelet_listens_on_the_bridge_and_keeps_logs_in_the_state_folder() -> None:
    config = yaml.safe_load(configuration.kubelet_config(STATE))
    assert {config["address"], config["healthzBindAddress"]} == {BRIDGE_ADDRESS}
    assert config["podLogsDir"].startswith(str(STATE))
    assert config["authentication"]["anonymous"]["enabled"] is False


def test_nothing_binds_every_address() -> None:
    made = configuration.kubelet_config(STATE) + configuration.dns_config(STATE / "kubeconfig")
    assert "0.0.0.0" not in made
    assert made.count(f"bind {BRIDGE_ADDRESS}") == 2


def test_pods_get_addresses_of_their_subnet_from_files_of_the_state_folder() -> None:
    bridge = json.loads(configuration.pod_network(STATE))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": POD_SUBNET}]]
    assert bridge["ipam"]["dataDir"].startswith(str(STATE))
