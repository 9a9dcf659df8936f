"""The two Services of a job: `<id>` for its TaskManagers, `<id>-rest` for everybody who asks."""

from penstock_operator.build import labels
from penstock_operator.build.context import RPC_PORT, JobContext, Manifest


def build_services(context: JobContext) -> list[Manifest]:
    """Headless and ready or not for the TaskManagers; ClusterIP for REST."""
    internal = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "ports": [_port("rpc", RPC_PORT), _port("rest", context.rest_port)],
    }
    rest = {"type": "ClusterIP", "ports": [_port("rest", context.rest_port)]}
    return [_service(context, context.name, internal), _service(context, f"{context.name}-rest", rest)]


def _service(context: JobContext, name: str, spec: Manifest) -> Manifest:
    selector = labels.pod_labels(context.name, labels.JOB_MANAGER)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": context.metadata(name, more_labels={labels.APP: context.name}),
        "spec": {**spec, "selector": selector},
    }


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "port": number, "targetPort": number, "protocol": "TCP"}
