"""The JobManager over HTTP: unix socket on one host, mTLS between hosts. Implements `taskmanager.link`."""

import ssl
from collections.abc import Mapping
from typing import TypeVar

import httpx
from pydantic import BaseModel

from penstock.control.registration import EventBatch, Poll, Polled, Registered, Registration
from penstock.ha.opening import connect_ha
from penstock.ha.settings import ZOOKEEPER, read_ha
from penstock.taskmanager.link import JobManagerLink, LinkDown

M = TypeVar("M", bound=BaseModel)
ANSWER_SECONDS = 20.0
_WATCH_SECONDS = 1.0
"""How often a TaskManager asks ZooKeeper whether another JobManager leads."""


def connect(configuration: Mapping[str, str]) -> JobManagerLink:
    """A link as the configuration says: to the leader with high availability, else to the one JobManager there is."""
    ha = read_ha(configuration)
    if ha is not None:
        from penstock.taskmanager.leader import LeaderLink

        watch = _WATCH_SECONDS if ha.kind == ZOOKEEPER else ha.retry_period
        return LeaderLink(
            lambda: connect_ha(ha, configuration), lambda address: link_to(address, configuration), watch
        )
    path = configuration.get("penstock.rpc.socket")
    if path:
        return link_to(f"unix:{path}", configuration)
    host = configuration.get("jobmanager.rpc.address", "localhost")
    port = configuration.get("jobmanager.rpc.port", "6123")
    if not configuration.get("penstock.rpc.tls.ca"):
        raise ValueError(
            "penstock.rpc.socket, or jobmanager.rpc.address with penstock.rpc.tls.*, must be set"
        )
    return link_to(f"https://{host}:{port}", configuration)


def link_to(address: str, configuration: Mapping[str, str]) -> "HttpLink":
    """A link to `unix:PATH`, or to `https://HOST:PORT` with the certificates of `penstock.rpc.tls.*`."""
    if address.startswith("unix:"):
        return HttpLink("http://jobmanager", httpx.AsyncHTTPTransport(uds=address.removeprefix("unix:")))
    context = ssl.create_default_context(cafile=configuration["penstock.rpc.tls.ca"])
    # As between slots: the CA is the job's own, whoever holds a certificate of it is a process of the job. A leader is
    # reached at the address of its pod, which no certificate made beforehand can name.
    context.check_hostname = read_ha(configuration) is None
    context.load_cert_chain(configuration["penstock.rpc.tls.cert"], configuration["penstock.rpc.tls.key"])
    return HttpLink(address, httpx.AsyncHTTPTransport(verify=context))


class HttpLink:
    """See JobManagerLink."""

    def __init__(self, base: str, transport: httpx.AsyncBaseTransport) -> None:
        self._http = httpx.AsyncClient(base_url=base, transport=transport, timeout=ANSWER_SECONDS)

    async def register(self, registration: Registration) -> Registered:
        """Introduce the TaskManager."""
        return Registered.model_validate_json(await self._post("", registration))

    async def poll(self, resource_id: str, poll: Poll) -> Polled:
        """Wait for commands."""
        return Polled.model_validate_json(await self._post(f"/{resource_id}/poll", poll))

    async def send_events(self, resource_id: str, batch: EventBatch) -> bool:
        """Report."""
        return b'"known":true' in await self._post(f"/{resource_id}/events", batch)

    async def close(self) -> None:
        """Release connections."""
        await self._http.aclose()

    async def _post(self, path: str, body: BaseModel) -> bytes:
        try:
            response = await self._http.post(
                f"/penstock/taskmanagers{path}",
                content=body.model_dump_json(),
                headers={"content-type": "application/json"},
            )
        except httpx.HTTPError as error:
            raise LinkDown(f"{type(error).__name__}: {error}") from error
        if response.is_error:
            raise LinkDown(f"{response.status_code}: {response.text[:300]}")
        return response.content
