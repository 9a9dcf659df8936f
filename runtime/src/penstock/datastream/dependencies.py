"""What a program ships with its job: modules, archives, requirements, cached files, as one zip that travels in the job graph.

Built in the program's process by the environment; `taskmanager.shipped` puts it in place in slots. Layout of the zip:
`files/<n>/…` (entries of sys.path, listed in `paths`), `archives/<folder>/…`, `requirements.txt`, `wheels/…`,
`cached/<name>`. What the operator or the command line ships for a whole deployment goes another way, by the JobManager.
"""

import io
import os
import shutil
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from penstock.common.configuration import Configuration
from penstock.common.unsupported import UnsupportedOperation
from penstock.filesystems.registry import open_filesystem

MAX_BYTES = 64 * 1024 * 1024
FILES, ARCHIVES, REQUIREMENTS = "python.files", "python.archives", "python.requirements"


class DependencyError(ValueError):
    """Something that the program ships is missing or cannot be shipped; the message says which and what to do."""


@dataclass(slots=True)
class Dependencies:
    """What a program asked for, in order."""

    files: list[str] = field(default_factory=list)
    archives: list[tuple[str, str | None]] = field(default_factory=list)
    requirements: str | None = None
    requirements_cache: str | None = None
    cached_files: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def with_configured(self, configuration: Configuration) -> "Dependencies":
        """These and those of the configuration's own keys."""
        archives = [entry.partition("#") for entry in _entries(configuration, ARCHIVES)]
        requirements, _, cache = configuration.get_string(REQUIREMENTS, "").partition("#")
        return Dependencies(
            [*_entries(configuration, FILES), *self.files],
            [*((path, target or None) for path, _, target in archives), *self.archives],
            self.requirements or requirements or None,
            self.requirements_cache if self.requirements else cache or None,
            dict(self.cached_files),
        )

    def pack(self, configuration: Configuration) -> bytes:
        """The zip; empty if nothing was asked for. DependencyError names what is missing or too large."""
        if not (self.files or self.archives or self.requirements or self.cached_files):
            return b""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as out:
            pack = _Pack(out, configuration)
            paths = [pack.add_module(str(number), path) for number, path in enumerate(self.files)]
            for path, target in self.archives:
                pack.add_archive(path, target)
            if self.requirements is not None:
                pack.add_file("requirements.txt", pack.local(self.requirements), 0o600)
            if self.requirements_cache is not None:
                pack.add_tree("wheels", pack.local(self.requirements_cache))
            for name, (path, is_executable) in self.cached_files.items():
                pack.add_cached(name, path, is_executable)
            pack.write("paths", "\n".join(path for found in paths for path in found).encode(), 0o600)
            pack.clean_up()
        return buffer.getvalue()


def check_executable(python_exec: str) -> None:
    """Functions run in the interpreter of their slots: any other is refused."""
    found = shutil.which(python_exec)
    if found is None or os.path.realpath(found) != os.path.realpath(sys.executable):
        raise UnsupportedOperation(
            f"Python executable {python_exec!r}",
            "functions run in the slot's own process, not in one beside it",
            "Run the cluster by that interpreter (an image, or a virtual environment), "
            "or ship packages by set_python_requirements",
        )


def _entries(configuration: Configuration, key: str) -> list[str]:
    return [entry.strip() for entry in configuration.get_string(key, "").split(",") if entry.strip()]


class _Pack:
    """A zip that is being written, with a limit."""

    def __init__(self, out: zipfile.ZipFile, configuration: Configuration) -> None:
        self._out = out
        self._configuration = configuration
        self._bytes = 0
        self._archives: set[str] = set()
        self._fetched: list[Path] = []

    def write(self, name: str, data: bytes, mode: int) -> None:
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise DependencyError(
                f"the program ships more than {MAX_BYTES >> 20} MiB ({name!r} was next): put what is large into the image, "
                "or name it in the deployment's own python.archives"
            )
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (mode & 0o777) << 16
        self._out.writestr(info, data)

    def local(self, path: str) -> Path:
        """A path of this machine; what a file system serves is fetched first."""
        parts = urlsplit(path)
        if parts.scheme in ("", "file"):
            found = Path(unquote(parts.path)).expanduser().absolute()
            if not found.exists():
                raise DependencyError(
                    f"{path!r} is not there: what a program ships must exist where its main runs"
                )
            return found
        import tempfile

        folder = Path(tempfile.mkdtemp(prefix="penstock-fetched-"))
        self._fetched.append(folder)
        found = folder / PurePosixPath(unquote(parts.path)).name
        found.write_bytes(open_filesystem(path, self._configuration.to_dict()).read(path))
        return found

    def clean_up(self) -> None:
        """Remove what was fetched."""
        for folder in self._fetched:
            shutil.rmtree(folder, ignore_errors=True)

    def add_file(self, name: str, path: Path, mode: int) -> None:
        self.write(name, path.read_bytes(), mode)

    def add_tree(self, name: str, folder: Path) -> None:
        """A folder with its modes; compiled files are left to their machine."""
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                self.add_file(f"{name}/{file.relative_to(folder).as_posix()}", file, file.stat().st_mode)

    def add_module(self, number: str, path: str) -> list[str]:
        """A module, a package, a folder of modules or a zip of them; the entries of sys.path that it needs."""
        found, root = self.local(path), f"files/{number}"
        if found.is_dir():
            self.add_tree(f"{root}/{found.name}", found)
            return [f"{root}/{found.name}", *([root] if (found / "__init__.py").exists() else [])]
        if zipfile.is_zipfile(found):
            self._add_zip(f"{root}/{found.name}", found)
            return [f"{root}/{found.name}"]
        self.add_file(f"{root}/{found.name}", found, 0o600)
        return [root]

    def add_archive(self, path: str, target: str | None) -> None:
        """An archive, unpacked into a folder of the functions' working directory."""
        found = self.local(path)
        folder = target or found.name
        if PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
            raise DependencyError(
                f"archive {path!r} would be unpacked into {folder!r}, outside of the job's folder"
            )
        if folder in self._archives:
            raise DependencyError(f"two archives want the folder {folder!r}: give one another target_dir")
        self._archives.add(folder)
        if zipfile.is_zipfile(found):
            self._add_zip(f"archives/{folder}", found)
        elif tarfile.is_tarfile(found):
            self._add_tar(f"archives/{folder}", found)
        else:
            raise DependencyError(f"{path!r} is neither a zip nor a tar file")

    def add_cached(self, name: str, path: str, is_executable: bool) -> None:
        found = self.local(path)
        if found.is_dir():
            self.add_tree(f"cached/{name}", found)
        else:
            self.add_file(f"cached/{name}", found, 0o700 if is_executable else 0o600)

    def _add_zip(self, root: str, path: Path) -> None:
        with zipfile.ZipFile(path) as opened:
            for member in opened.infolist():
                if not member.is_dir():
                    mode = member.external_attr >> 16 & 0o777 or 0o600
                    self.write(f"{root}/{_inside(path, member.filename)}", opened.read(member), mode)

    def _add_tar(self, root: str, path: Path) -> None:
        """Plain files only: links and devices could reach outside of the folder."""
        with tarfile.open(path) as opened:
            for member in opened.getmembers():
                content = opened.extractfile(member) if member.isfile() else None
                if content is not None:
                    with content:
                        self.write(f"{root}/{_inside(path, member.name)}", content.read(), member.mode)


def _inside(archive: Path, name: str) -> str:
    inner = PurePosixPath(name)
    if inner.is_absolute() or ".." in inner.parts:
        raise DependencyError(f"{archive.name} holds {name!r}, which would be written outside its folder")
    return inner.as_posix()
