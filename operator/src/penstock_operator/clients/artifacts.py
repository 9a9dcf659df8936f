"""Fetches the program of a session job: over HTTP from hosts that are allowed, from the object store, from a folder.

Called by `reconcile/session_job.py`. The address that a name resolves to is judged at the moment of the connection, and
the connection goes to that very address: a name that is answered differently a second time (DNS rebinding) gains nothing.
Redirects are followed by hand and judged alike.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpcore

from penstock_api.reasons import Reason
from penstock_operator.clients.objectstore import S3_SCHEMES, Stores
from penstock_operator.errors import ExternalError, UserError

WEB_SCHEMES = ("http", "https")
FOLDER_SCHEMES = ("file", "local")
SUFFIXES = (".py", ".zip")
LARGEST = 100 * 1024 * 1024
_REDIRECTS = 5
_TIMEOUTS = {"connect": 10.0, "read": 30.0, "write": 10.0, "pool": 10.0}


@dataclass(frozen=True, slots=True)
class Fetching:
    """What may be fetched, and how."""

    is_allowed: Callable[[str], bool]
    """Whether this address may be connected to."""
    schemes: tuple[str, ...] = ("https",)
    """Schemes that the program may have, and a redirect may lead to; `*` is any."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request to the host that the owner named, and to no other."""
    storage_keys: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Programs by `file://` and `local://` must be below this one."""
    context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A program as it was fetched."""

    name: str
    content: bytes


def fetch(uri: str, how: Fetching) -> Artifact:
    """The program; raises `OperatorError` saying what could not be fetched and why."""
    scheme, name = urlsplit(uri).scheme, urlsplit(uri).path.rsplit("/", 1)[-1]
    if not name.endswith(SUFFIXES):
        raise UserError(
            Reason.VALIDATION_ERROR, f"spec.job.jarURI {uri!r}: a program is a .py file or a .zip archive"
        )
    if "*" not in how.schemes and scheme not in how.schemes:
        allowed = ", ".join(how.schemes)
        raise UserError(
            Reason.VALIDATION_ERROR,
            f"spec.job.jarURI {uri!r}: its scheme is none of those allowed: {allowed}",
        )
    if scheme in WEB_SCHEMES:
        return Artifact(name, _download(uri, how))
    if scheme in S3_SCHEMES:
        with Stores(how.storage_keys) as stores:
            found = stores.of(uri).read(uri)
        if found is None:
            raise _missing(uri, "there is no such object")
        return Artifact(name, found)
    if scheme in FOLDER_SCHEMES:
        return Artifact(name, _read(uri, how.folder))
    raise UserError(
        Reason.VALIDATION_ERROR,
        f"spec.job.jarURI {uri!r}: use https://, s3://, or local:// where it is allowed",
    )


def addresses_of(host: str, port: int | None = None) -> list[str]:
    """The addresses of a host, each once; raises OSError where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects only to addresses that are allowed, each looked up and judged here."""

    def __init__(self, is_allowed: Callable[[str], bool]) -> None:
        self._is_allowed = is_allowed
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the host's addresses, if all of them are allowed."""
        try:
            found = addresses_of(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"the host {host!r} is not found: {error}") from error
        for address in found:
            if not self._is_allowed(address):
                raise _Restricted(f"the host {host!r} has the address {address}, which is not public")
        return self._network.connect_tcp(found[0], port, timeout, local_address, socket_options)


class _Restricted(httpcore.ConnectError):
    """An address that must not be connected to."""


def _download(uri: str, how: Fetching) -> bytes:
    """Follow redirects by hand: each host is judged, and only the first gets the owner's headers."""
    origin, at = urlsplit(uri).netloc, uri
    context = how.context or ssl.create_default_context()
    with httpcore.ConnectionPool(
        ssl_context=context, network_backend=GuardedNetwork(how.is_allowed), retries=0
    ) as pool:
        for _ in range(_REDIRECTS + 1):
            headers = dict(how.headers) if urlsplit(at).netloc == origin else {}
            status, location, body = _request(pool, at, headers)
            if location is None:
                if status != 200:
                    raise _missing(at, f"the server answered {status}")
                return body
            at = urljoin(at, location)
            scheme = urlsplit(at).scheme
            if scheme not in WEB_SCHEMES or ("*" not in how.schemes and scheme not in how.schemes):
                raise _missing(uri, f"it leads to {at}, whose scheme is not allowed")
    raise _missing(uri, f"more than {_REDIRECTS} redirects")


def _request(
    pool: httpcore.ConnectionPool, uri: str, headers: Mapping[str, str]
) -> tuple[int, str | None, bytes]:
    """Status, where a redirect leads to, and the body."""
    sent = [("Host", urlsplit(uri).netloc.rpartition("@")[2]), *headers.items()]
    try:
        with pool.stream("GET", uri, headers=sent, extensions={"timeout": _TIMEOUTS}) as response:
            if 300 <= response.status < 400:
                for name, value in response.headers:
                    if name.lower() == b"location":
                        return response.status, value.decode("latin-1"), b""
            chunks, size = [], 0
            for chunk in response.iter_stream():
                size += len(chunk)
                if size > LARGEST:
                    raise _missing(uri, f"it is longer than {LARGEST} bytes")
                chunks.append(chunk)
            return response.status, None, b"".join(chunks)
    except _Restricted as error:
        raise UserError(Reason.VALIDATION_ERROR, f"spec.job.jarURI: {error}: name a public host") from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise _missing(uri, repr(error)) from error


def _read(uri: str, folder: Path | None) -> bytes:
    """A file of the operator's own, below the folder that the installation gives for that."""
    parts = urlsplit(uri)
    path = Path(f"/{parts.netloc}{parts.path}" if parts.netloc else parts.path).resolve()
    if folder is None or not path.is_relative_to(folder.resolve()):
        raise UserError(Reason.VALIDATION_ERROR, f"spec.job.jarURI {uri!r}: it is not below {folder}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _missing(uri, str(error)) from error


def _missing(uri: str, why: str) -> ExternalError:
    return ExternalError(Reason.ARTIFACT_NOT_FOUND, f"{uri} could not be fetched: {why}")
