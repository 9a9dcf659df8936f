"""kopf's own connection to the API server: an answer arrives whole, or the call is made again. Called by `handlers/app.py`.

kopf makes a call again where the connection breaks before the answer, and ends the whole process where it breaks in the
middle of one (while it scans what the server has). Here the second counts as the first. Watches are left alone.
"""

import asyncio
from typing import Any

import aiohttp
import kopf


async def whole_answers(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware: the answer is read before it is handed on, unless it never ends."""
    response = await handler(request)
    if "watch" in request.url.query:
        return response
    try:
        await response.read()
    except aiohttp.ClientPayloadError as error:
        response.close()
        message = f"the answer to {request.method} {request.url.path} broke off"
        raise aiohttp.ClientConnectionError(message) from error
    return response


async def log_in(**kwargs: Any) -> kopf.AiohttpSession | None:
    """By the pod's service account in a cluster, else by the kubeconfig; None where there is neither."""
    info = await asyncio.to_thread(_credentials, **kwargs)
    if info is None:
        return None
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=info.trust_env,
        middlewares=(whole_answers,),
    )
    return kopf.AiohttpSession(
        server=info.server,
        default_namespace=info.default_namespace,
        priority=info.priority,
        expiration=info.expiration,
        aiohttp_session=session,
    )


def _credentials(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
