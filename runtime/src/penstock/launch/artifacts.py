"""Fetches the program, its archives and its requirements into the job's folder, before main runs.

Called by the launcher of an application's JobManager. Understands plain paths, `file://`, `local://` (in the image),
`s3://` and what else a file system serves, and `http(s)://`. Raises `ArtifactError` with a reason of the contract;
never runs anything of the program.
"""

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from penstock.filesystems.errors import FileSystemError
from penstock.filesystems.registry import open_filesystem
from penstock_api.reasons import Reason

DOWNLOAD_TIMEOUT_SECONDS = 60
INSTALL_TIMEOUT_SECONDS = 600
LONGEST_QUOTE = 2000
"""Characters of pip's output that an error quotes: its end says what went wrong."""


class ArtifactError(Exception):
    """A program or one of its dependencies could not be had. `reason` is what status and Events show."""

    def __init__(self, message: str, reason: Reason = Reason.ARTIFACT_NOT_FOUND) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Program:
    """A program on this machine: `path` is a .py file, or a folder with a main module; `python_path` goes first."""

    path: Path
    python_path: tuple[Path, ...] = ()


def fetch_program(uri: str, folder: Path, configuration: Mapping[str, str]) -> Program:
    """The program behind `uri`, below `folder` unless it is on this machine already; zips are unpacked."""
    found = fetch(uri, folder / "program", configuration)
    if found.suffix == ".zip":
        return Program(unpack_zip(found, folder / "project"))
    return Program(found)


def fetch(uri: str, folder: Path, configuration: Mapping[str, str]) -> Path:
    """One artifact as a path on this machine. Raises ArtifactError."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file", "local"):
        return _existing(uri, Path(unquote(parts.path)))
    name = Path(unquote(parts.path)).name
    if not name:
        raise ArtifactError(
            f"{uri!r} names no file: end it with the program's name, as in s3://bucket/jobs/clicks.py"
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    try:
        target.write_bytes(_read(uri, parts.scheme, configuration))
    except (httpx.HTTPError, FileSystemError) as error:
        raise ArtifactError(f"cannot fetch {uri!r}: {error}") from error
    return target


def install_requirements(uri: str, folder: Path, configuration: Mapping[str, str]) -> Path:
    """Install a requirements file, a zip of wheels, or a zip of packages, into a folder for the program's path."""
    found = fetch(uri, folder / "requirements", configuration)
    target = folder / "site-packages"
    wanted = ["-r", str(found)]
    if found.suffix == ".zip":
        unpacked = unpack_zip(found, folder / "requirements" / "unpacked")
        wheels = sorted(str(wheel) for wheel in unpacked.rglob("*.whl"))
        if not wheels:
            return unpacked.rename(target)
        wanted = ["--no-index", "--no-deps", *wheels]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--target", str(target), *wanted]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(f"installing {uri!r} took longer than {INSTALL_TIMEOUT_SECONDS} s") from error
    if done.returncode:
        raise ArtifactError(
            f"cannot install {uri!r}: {(done.stderr or done.stdout)[-LONGEST_QUOTE:].strip()}"
        )
    return target


def _existing(uri: str, path: Path) -> Path:
    if not path.exists():
        raise ArtifactError(
            f"{uri!r}: there is no {path} on this machine (in a pod: in the image, or mounted)"
        )
    return path.resolve()


def _read(uri: str, scheme: str, configuration: Mapping[str, str]) -> bytes:
    if scheme not in ("http", "https"):
        return open_filesystem(uri, configuration).read(uri)
    attempts = Retrying(
        stop=stop_after_attempt(3),
        wait=wait_exponential(multiplier=0.5, max=5),
        retry=retry_if_exception_type(httpx.TransportError),
        reraise=True,
    )
    for attempt in attempts:
        with attempt:
            answer = httpx.get(uri, timeout=DOWNLOAD_TIMEOUT_SECONDS, follow_redirects=True)
            answer.raise_for_status()
    return answer.content


def unpack_zip(archive: Path, target: Path) -> Path:
    """Unpack into a folder, which may hold files already. Raises ArtifactError."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if not (target / name).resolve().is_relative_to(target.resolve()):
                    raise ArtifactError(
                        f"{archive.name} holds {name!r}, which would be written outside its folder"
                    )
            for member in opened.infolist():
                written = Path(opened.extract(member, target))
                mode = member.external_attr >> 16 & 0o777
                if mode and written.is_file():
                    written.chmod(mode | 0o600)
    except zipfile.BadZipFile as error:
        raise ArtifactError(f"{archive.name} is not a zip file: {error}") from error
    return target
