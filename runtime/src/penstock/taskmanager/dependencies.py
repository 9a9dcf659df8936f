"""A job's dependencies in a slot: the bundle comes from the JobManager once for each TaskManager, kept by its digest.

Called by the slot before the program's code is loaded; blocks until everything is in place. Slots of one TaskManager share
a folder, in which a lock makes the first of them fetch for all. See `launch.dependencies` for what a bundle holds.
"""

import fcntl
import os
import re
import shutil
import ssl
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

DIGEST_KEY = "penstock.program.dependencies"
"""Set by the JobManager in the job's configuration: the digest of the bundle that its slots need."""
FOLDER_KEY = "penstock.taskmanager.dependencies"
"""Set by the TaskManager's launcher: the folder that its slots share."""
_FETCH_SECONDS = 120.0


class DependenciesMissing(ImportError):
    """The job's dependencies could not be had from the JobManager."""


def install_dependencies(job: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Make what the job needs importable in this process. Raises DependenciesMissing."""
    digest = job.get(DIGEST_KEY)
    if not digest:
        return
    if re.fullmatch("[0-9a-f]{64}", digest) is None:
        raise DependenciesMissing(f"{DIGEST_KEY} is {digest!r}: it must be a digest of 64 hex digits")
    root = _placed(digest, own)
    for part in ("site-packages", "project"):
        entry = str(root / part)
        if os.path.isdir(entry) and entry not in sys.path:
            sys.path.insert(0, entry)
    if (root / "archives").is_dir():
        os.chdir(root / "archives")


def _placed(digest: str, own: Mapping[str, str]) -> Path:
    """The unpacked bundle; fetched by whoever holds the lock first."""
    shared = Path(own.get(FOLDER_KEY) or tempfile.mkdtemp(prefix="penstock-dependencies-"))
    shared.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = shared / digest
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            fresh = Path(tempfile.mkdtemp(dir=shared))
            try:
                _fetch(digest, fresh / "bundle.zip", own)
                _unpack(fresh / "bundle.zip", fresh / "unpacked")
                (fresh / "unpacked").rename(place)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return place


def _fetch(digest: str, target: Path, own: Mapping[str, str]) -> None:
    # Not at the top: every slot would pay a third of its start for what few jobs need.
    import httpx
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

    attempts = Retrying(
        stop=stop_after_delay(_FETCH_SECONDS),
        wait=wait_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception_type(httpx.TransportError),
        reraise=True,
    )
    try:
        for attempt in attempts:
            with attempt, _client(own) as client:
                _download(client, digest, target)
    except httpx.HTTPError as error:
        raise DependenciesMissing(
            f"the JobManager did not give the job's dependencies ({digest[:12]}): {error}"
        ) from error


def _download(client: "httpx.Client", digest: str, target: Path) -> None:
    with client.stream("GET", f"/penstock/dependencies/{digest}") as answer:
        answer.raise_for_status()
        with target.open("wb") as out:
            for chunk in answer.iter_bytes():
                out.write(chunk)


def _client(own: Mapping[str, str]) -> "httpx.Client":
    """To the JobManager's internal app: its unix socket on one host, mutual TLS between hosts."""
    import httpx

    scheme, _, place = _leader(own).partition(":")
    path = place if scheme == "unix" else None
    if path:
        return httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://jobmanager", timeout=30)
    context = ssl.create_default_context(cafile=own["penstock.rpc.tls.ca"])
    context.load_cert_chain(own["penstock.rpc.tls.cert"], own["penstock.rpc.tls.key"])
    transport = httpx.HTTPTransport(verify=context)
    return httpx.Client(transport=transport, base_url=f"{scheme}:{place}", timeout=30)


def _leader(own: Mapping[str, str]) -> str:
    """Where the JobManager is, `unix:PATH` or `https://HOST:PORT`; with several, the one that leads now."""
    import httpx

    from penstock.ha.contract import HighAvailabilityDown
    from penstock.ha.opening import open_ha

    try:
        ha = open_ha(own)
        if ha is not None:
            try:
                leader = ha.leader()
            finally:
                ha.close()
            if leader is None:
                raise httpx.ConnectError("no JobManager leads now")
            return leader.internal
    except HighAvailabilityDown as error:
        raise httpx.ConnectError(str(error)) from error
    if path := own.get("penstock.rpc.socket"):
        return f"unix:{path}"
    host, port = own.get("jobmanager.rpc.address", "localhost"), own.get("jobmanager.rpc.port", "6123")
    return f"https://{host}:{port}"


def _unpack(bundle: Path, target: Path) -> None:
    """Files with their modes; `launch.dependencies` made every name in it."""
    target.mkdir()
    with zipfile.ZipFile(bundle) as opened:
        for member in opened.infolist():
            written = Path(opened.extract(member, target))
            if written.is_file():
                written.chmod((member.external_attr >> 16 & 0o777) | 0o600)
