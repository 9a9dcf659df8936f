"""The two Services of a job: `<id>` for its TaskManagers, `<id>-rest` for everybody who asks.

What waits beside a job has the first alone; the second follows the job.
"""

from penstock_operator.build import labels
from penstock_operator.build.context import RPC_PORT, JobContext, Manifest


def build_services(context: JobContext) -> list[Manifest]:
    """Headless and ready or not for the TaskManagers (and the operator, for one that waits); ClusterIP for REST."""
    internal = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "ports": [_port("rpc", RPC_PORT), _port("rest", context.rest_port)],
    }
    rest = {"type": "ClusterIP", "ports": [_port("rest", context.rest_port)]}
    own = [_service(context, context.cluster, internal)]
    return own if context.launch.waits else [*own, _service(context, f"{context.name}-rest", rest)]


def _service(context: JobContext, name: str, spec: Manifest) -> Manifest:
    selector = labels.pod_labels(context.cluster, labels.JOB_MANAGER)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": context.metadata(name, more_labels={labels.APP: context.name}),
        "spec": {**spec, "selector": selector},
    }


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "port": number, "targetPort": number, "protocol": "TCP"}
