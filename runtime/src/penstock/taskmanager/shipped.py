"""What a program ships with its job, put in place in a slot: sys.path, working directory, requirements, cached files.

Called by the slot before the program's code is loaded; blocks until all is there. Slots of one machine share a folder for
each content, named by its digest: the first, under a lock, unpacks it and runs pip. See `datastream.dependencies`.
"""

import contextlib
import fcntl
import hashlib
import importlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

from penstock.common.distributed_cache import CACHED_FILES_VARIABLE
from penstock.graph.program_module import shipped_with

_INSTALL_SECONDS = 600
_UNUSED_SECONDS = 7 * 24 * 3600
_LONGEST_QUOTE = 2000
_DONE = ".done"


class ShippedNotInPlace(ImportError):
    """What the program ships could not be put in place; the message says what failed."""


@dataclass(slots=True)
class _InPlace:
    """What this process changed for the job that it runs."""

    digest: str = ""
    paths: list[str] = field(default_factory=list)
    modules: frozenset[str] = frozenset()
    home: str | None = None


_now = _InPlace()


def install_shipped(program_module: bytes | None) -> None:
    """Make what the job ships usable in this process, in place of what the job before shipped. Raises ShippedNotInPlace."""
    data = shipped_with(program_module)
    digest = hashlib.sha256(data).hexdigest() if data else ""
    if digest == _now.digest:
        return
    _take_away()
    if not data:
        return
    root = _placed(digest, data)
    _now.digest, _now.modules = digest, frozenset(sys.modules)
    entries = [str(root / path) for path in (root / "paths").read_text().splitlines() if path]
    if (root / "site-packages").is_dir():
        entries.append(str(root / "site-packages"))
    sys.path[:0] = entries
    _now.paths = entries
    importlib.invalidate_caches()
    if (root / "archives").is_dir():
        _now.home = os.getcwd()
        os.chdir(_working_folder(root / "archives", Path(_now.home)))
    if (root / "cached").is_dir():
        os.environ[CACHED_FILES_VARIABLE] = str(root / "cached")


def _take_away() -> None:
    """Undo what was done for the job before: its modules must not be found by the next."""
    global _now
    for path in _now.paths:
        if path in sys.path:
            sys.path.remove(path)
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None) or ""
        if name not in _now.modules and any(origin.startswith(path + os.sep) for path in _now.paths):
            del sys.modules[name]
    if _now.home is not None:
        os.chdir(_now.home)
    os.environ.pop(CACHED_FILES_VARIABLE, None)
    _now = _InPlace()


def _working_folder(archives: Path, home: Path) -> Path:
    """The archives' folder; together with those that the deployment shipped, where the slot works in their folder."""
    if home.name != "archives":
        return archives
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    merged = archives.parent / f"archives-beside-{name}"
    merged.mkdir(exist_ok=True)
    for folder in (*home.iterdir(), *archives.iterdir()):
        with contextlib.suppress(FileExistsError):
            (merged / folder.name).symlink_to(folder)
    return merged


def _placed(digest: str, data: bytes) -> Path:
    shared = _shared_folder()
    place = shared / digest
    with _locked(shared / f"{digest}.lock"):
        if not (place / _DONE).exists():
            shutil.rmtree(place, ignore_errors=True)
            _remove_unused(shared)
            _unpack(data, place)
            if (place / "requirements.txt").exists():
                _install(place)
            (place / _DONE).touch()
    os.utime(place / _DONE)
    return place


def _shared_folder() -> Path:
    """One for each user of the machine; nobody else may write there."""
    folder = Path(tempfile.gettempdir()) / f"penstock-shipped-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or not folder.is_dir() or folder.is_symlink():
        raise ShippedNotInPlace(f"{folder} belongs to somebody else or is open to others: remove it")
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_unused(shared: Path) -> None:
    """Forget what no job used for a week."""
    for done in shared.glob(f"*/{_DONE}"):
        if time.time() - done.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(done.parent, ignore_errors=True)


def _unpack(data: bytes, target: Path) -> None:
    target.mkdir(mode=0o700)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        for member in opened.infolist():
            written = Path(opened.extract(member, target))
            if written.is_file():
                written.chmod((member.external_attr >> 16 & 0o777) | 0o600)


def _install(place: Path) -> None:
    target = place / "site-packages"
    arguments = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--target", str(target)]
    arguments += ["-r", str(place / "requirements.txt")]
    if (place / "wheels").is_dir():
        arguments += ["--no-index", "--find-links", str(place / "wheels")]
    with pip_command() as pip:
        try:
            done = subprocess.run(
                [*pip, *arguments], capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ShippedNotInPlace(
                f"installing the requirements took longer than {_INSTALL_SECONDS} s"
            ) from error
    if done.returncode:
        said = (done.stderr or done.stdout)[-_LONGEST_QUOTE:].strip()
        raise ShippedNotInPlace(f"the program's requirements cannot be installed: {said}")


@contextlib.contextmanager
def pip_command() -> Iterator[list[str]]:
    """How to run pip here: the interpreter's own, else the one that comes with Python, straight from its wheel."""
    if importlib.util.find_spec("pip") is not None:
        yield [sys.executable, "-m", "pip"]
        return
    try:
        wheels = [entry for entry in files("ensurepip._bundled").iterdir() if entry.name.startswith("pip-")]
    except ModuleNotFoundError:
        wheels = []
    if not wheels:
        raise ShippedNotInPlace(
            "requirements need pip, which this Python does not have: install pip beside Penstock"
        )
    with as_file(wheels[0]) as wheel:
        yield [sys.executable, str(wheel / "pip")]
