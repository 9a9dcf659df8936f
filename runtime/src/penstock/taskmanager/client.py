"""The JobManager over HTTP: unix socket on one host, mTLS between hosts. Implements `taskmanager.link`."""

import ssl
from collections.abc import Mapping
from typing import TypeVar

import httpx
from pydantic import BaseModel

from penstock.control.registration import EventBatch, Poll, Polled, Registered, Registration
from penstock.taskmanager.link import LinkDown

M = TypeVar("M", bound=BaseModel)
ANSWER_SECONDS = 20.0


def connect(configuration: Mapping[str, str]) -> "HttpLink":
    """A link as `penstock.rpc.socket`, else `jobmanager.rpc.address/port` with `penstock.rpc.tls.*`, say."""
    path = configuration.get("penstock.rpc.socket")
    if path:
        return HttpLink("http://jobmanager", httpx.AsyncHTTPTransport(uds=path))
    host = configuration.get("jobmanager.rpc.address", "localhost")
    port = configuration.get("jobmanager.rpc.port", "6123")
    ca = configuration.get("penstock.rpc.tls.ca")
    if not ca:
        raise ValueError(
            "penstock.rpc.socket, or jobmanager.rpc.address with penstock.rpc.tls.*, must be set"
        )
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(configuration["penstock.rpc.tls.cert"], configuration["penstock.rpc.tls.key"])
    return HttpLink(f"https://{host}:{port}", httpx.AsyncHTTPTransport(verify=context))


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
