"""The webhook's server: HTTPS on the pod's own address, `/validate`, `/mutate` and `/healthz`. `penstock-operator webhook`.

A process of its own beside every replica of the operator, leader or not. Reads its certificate from the Secret that the
leader keeps, waits for the first, and uses a new one without a restart. Holds no state and writes nothing.
"""

import asyncio
import contextlib
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from penstock_operator.webhook.certificates import Material
from penstock_operator.webhook.review import Lookup, review

log = structlog.get_logger(__name__)

ReadMaterial = Callable[[], Material | None]
_LARGEST_REVIEW = 8 * 1024 * 1024
"""Old and new object of etcd's size limit, and room."""
_FIRST_SECONDS = 0.5
_RELOAD_SECONDS = 10.0


def make_app(lookup: Lookup) -> Starlette:
    """The paths."""

    def answering(*, mutate: bool) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            body = await request.body()
            if len(body) > _LARGEST_REVIEW:
                return PlainTextResponse("the review is too large", 413)
            begun = time.monotonic()
            try:
                text = await request.json()
                found = await anyio.to_thread.run_sync(lambda: review(text, lookup, mutate=mutate))
            except ValueError as error:
                return PlainTextResponse(str(error), 400)
            response = found["response"]
            log.info(
                "reviewed",
                path=request.url.path,
                resource=_named(text),
                allowed=response["allowed"],
                why=(response.get("status") or {}).get("message"),
                milliseconds=round((time.monotonic() - begun) * 1000),
            )
            return JSONResponse(found)

        return answer

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("OK")

    return Starlette(
        routes=[
            Route("/validate", answering(mutate=False), methods=["POST"]),
            Route("/mutate", answering(mutate=True), methods=["POST"]),
            Route("/healthz", healthy),
        ]
    )


class Server:
    """Serves on one address until stopped."""

    def __init__(self, lookup: Lookup, read: ReadMaterial, host: str, port: int) -> None:
        self._read = read
        self._config = uvicorn.Config(
            make_app(lookup), host=host, port=port, log_config=None, access_log=False, lifespan="off",
            timeout_keep_alive=75, timeout_graceful_shutdown=5,
        )  # fmt: skip
        self._server = uvicorn.Server(self._config)
        self._held: Material | None = None

    @property
    def is_serving(self) -> bool:
        """Whether the port is open."""
        return bool(self._server.started)

    async def serve(self) -> None:
        """Wait for a certificate, then serve, and look for a newer one now and then."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        while not await self._load(context):
            if self._server.should_exit:
                return
            await asyncio.sleep(_FIRST_SECONDS)
        self._config.load()
        self._config.ssl = context
        renewing = asyncio.create_task(self._renew(context))
        try:
            await self._server.serve()
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing

    def stop(self) -> None:
        """End serving; from any thread."""
        self._server.should_exit = True

    async def reload(self) -> None:
        """Look for a newer certificate at once."""
        if self._config.ssl is not None:
            await self._load(self._config.ssl)

    async def _renew(self, context: ssl.SSLContext) -> None:
        while True:
            await asyncio.sleep(_RELOAD_SECONDS)
            await self._load(context)

    async def _load(self, context: ssl.SSLContext) -> bool:
        """Use the newest certificate for connections from now on; says whether there is one."""
        found = await anyio.to_thread.run_sync(self._read)
        if found is not None and found != self._held:
            _use(context, found)
            self._held = found
            log.info("the webhook's certificate is used", until=str(found.leaf.not_valid_after_utc))
        return self._held is not None


def _use(context: ssl.SSLContext, material: Material) -> None:
    """For connections from now on. By files, of which alone the context reads, in a folder of this user's."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
        certificate.write_text(material.certificate)
        key.touch(mode=0o600)
        key.write_text(material.key)
        context.load_cert_chain(certificate, key)


def _named(body: Mapping[str, Any]) -> str:
    request = body.get("request") or {}
    return f"{request.get('namespace')}/{request.get('name')}"
