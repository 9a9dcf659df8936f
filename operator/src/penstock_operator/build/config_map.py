"""ConfigMap `flink-config-<id>`: `config.yaml` of JobManager and TaskManagers, with the owner's logging files."""

import yaml

from penstock_api.rest.trigger import StartWord
from penstock_operator.build import labels
from penstock_operator.build.context import RPC_PORT, TLS_DIRECTORY, JobContext, Manifest
from penstock_operator.build.program import program_path
from penstock_operator.model.launch import OPERATOR_PREFIXES, Launch

WORD_FILE = "word.json"
"""Beside `config.yaml`, where `--wait-for-word` looks for it."""


def build_config_map(context: JobContext) -> Manifest:
    """The configuration as the pods read it."""
    launch = context.launch
    text = yaml.safe_dump(pod_configuration(context), sort_keys=True, default_flow_style=False)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": context.metadata(context.config_name, more_labels={labels.APP: context.name}),
        "data": {"config.yaml": text, **_word(launch), **launch.spec.log_configuration},
    }


def _word(launch: Launch) -> dict[str, str]:
    """What a JobManager that waits is told, in the end: any that starts again finds it here, whatever happens to us."""
    if not launch.cluster or launch.waits:
        return {}
    return {WORD_FILE: StartWord(from_savepoint=launch.from_savepoint).model_dump_json()}


def pod_configuration(context: JobContext) -> dict[str, str]:
    """The launch's configuration over the installation's, with addresses, certificates and fetched files."""
    installed = dict(context.defaults.configuration)
    found = {key: value for key, value in installed.items() if not key.startswith(OPERATOR_PREFIXES)}
    found.update(context.launch.configuration)
    for key in context.launch.sources:  # the processes get these as arguments, by way of the environment
        found.pop(key, None)
    archives = found.get("penstock.program.archives")
    if archives:
        found["penstock.program.archives"] = ";".join(program_path(uri) for uri in archives.split(";"))
    found.setdefault("rest.port", str(context.rest_port))
    if context.ha_type != "none":
        found["high-availability.cluster-id"] = ha_cluster_id(context)
        found.setdefault("kubernetes.namespace", context.namespace)
    found["rest.address"] = f"{context.name}-rest.{context.namespace}"
    found["jobmanager.rpc.address"] = f"{context.cluster}.{context.namespace}"
    found["jobmanager.rpc.port"] = str(RPC_PORT)
    found["penstock.rpc.tls.ca"] = f"{TLS_DIRECTORY}/ca.crt"
    found["penstock.rpc.tls.cert"] = f"{TLS_DIRECTORY}/tls.crt"
    found["penstock.rpc.tls.key"] = f"{TLS_DIRECTORY}/tls.key"
    return found


def ha_cluster_id(context: JobContext) -> str:
    """Under which name JobManagers meet.

    In ZooKeeper each launch has one of its own: what an earlier one left there, the graph of an older program among it,
    is out of the operator's reach.
    """
    own = context.ha_type == "zookeeper"
    return f"{context.cluster}-{context.launch.fingerprint}" if own else context.cluster
