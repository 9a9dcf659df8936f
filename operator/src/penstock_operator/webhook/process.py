"""`penstock-operator webhook`: what the server looks up in the cluster, and the process itself. Called by `__main__`.

Every look-up has a deadline well under the API server's patience; what cannot be looked up counts as unknown.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence

import structlog

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.kube import KubeClient
from penstock_operator.configuration.source import Source
from penstock_operator.decide.validate_artifact import Resolve
from penstock_operator.errors import OperatorError
from penstock_operator.model.facts import Ref
from penstock_operator.model.layers import namespace_defaults
from penstock_operator.settings import Settings
from penstock_operator.webhook.certificates import Material
from penstock_operator.webhook.server import Server

log = structlog.get_logger(__name__)


class ClusterLookup:
    """What the API server and the operator's mounted configuration say."""

    def __init__(self, client: KubeClient, source: Source) -> None:
        self._client = client
        self._source = source

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """The configuration as it is mounted now."""
        return namespace_defaults(self._source.current(), namespace)

    def deployment(self, ref: Ref) -> FlinkDeployment | None:
        """The FlinkDeployment as the API server has it."""
        try:
            found = self._client.get("FlinkDeployment", ref.name, ref.namespace) if ref.name else None
            return None if found is None else FlinkDeployment.from_wire(found)
        except (OperatorError, ValueError) as error:
            log.warning("a session cluster could not be looked up", resource=str(ref), error=str(error))
            return None

    def exists(self, kind: str, ref: Ref) -> bool | None:
        """Whether the API server has it."""
        try:
            return self._client.get(kind, ref.name, ref.namespace) is not None
        except OperatorError as error:
            log.warning("a resource could not be looked up", resource=str(ref), error=error.message)
            return None

    @property
    def resolve(self) -> Resolve | None:
        """By the pod's own DNS."""
        return resolve_host


def resolve_host(host: str) -> Sequence[str]:
    """Every address of the host name."""
    return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)})


def run(settings: Settings) -> None:
    """Serve until told to stop."""
    client = KubeClient.from_environment()

    def read() -> Material | None:
        try:
            return Material.from_secret(
                client.get("Secret", settings.webhook_secret, settings.operator_namespace)
            )
        except OperatorError as error:
            log.warning("the webhook's certificates could not be read", error=error.message)
            return None

    server = Server(ClusterLookup(client, Source()), read, settings.health_host, settings.webhook_port)
    try:
        asyncio.run(server.serve())
    finally:
        client.close()
