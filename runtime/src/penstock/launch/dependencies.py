"""What a program needs beside itself, as one bundle: fetched once by the JobManager, served to TaskManagers by digest.

Called by the launcher of an application's JobManager before main runs. The bundle is a zip of up to three folders:
`project` (an unpacked program), `site-packages` (requirements, python files) and `archives` (one folder an archive).
`taskmanager.dependencies` puts it in place in slots. Never runs anything of the program.
"""

import hashlib
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.launch.artifacts import (
    ArtifactError,
    Program,
    fetch,
    fetch_program,
    install_requirements,
    unpack_zip,
)
from penstock_api.reasons import Reason

ARCHIVES_KEYS = (("penstock.program.archives", ";"), ("python.archives", ","))
"""Ours, which the operator writes, and Flink's, each with what separates its entries."""
FILES_KEY = "python.files"
REQUIREMENTS_KEY = "python.requirements"
PREPARED_KEYS = (FILES_KEY, REQUIREMENTS_KEY, "python.archives")
"""Flink's keys that are done with once a program is prepared: main must not ship the same again."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A program that can run: on this machine, and by `bundle` in the slots of others."""

    program: Program
    folder: Path
    bundle: Path | None = None
    """The zip; None where the program needs nothing beside itself."""
    digest: str | None = None

    @property
    def working_directory(self) -> Path | None:
        """Where main and functions run, so that archives are found by relative paths; None without archives."""
        found = self.folder / "archives"
        return found if found.is_dir() else None


def prepare(uri: str, requirements: str | None, folder: Path, configuration: Mapping[str, str]) -> Prepared:
    """Fetch the program and all it needs into `folder`. Raises ArtifactError."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    program = fetch_program(uri, folder, configuration)
    packages = folder / "site-packages"
    wanted = requirements or configuration.get(REQUIREMENTS_KEY, "").partition("#")[0]
    if wanted:
        install_requirements(wanted, folder, configuration)
    for file in _entries(configuration.get(FILES_KEY, ""), ","):
        _place_file(file, folder, packages, configuration)
    for key, separator in ARCHIVES_KEYS:
        for archive in _entries(configuration.get(key, ""), separator):
            _place_archive(archive, folder, configuration)
    path = (packages,) if packages.is_dir() else ()
    parts = [part for part in ("project", "site-packages", "archives") if (folder / part).is_dir()]
    if not parts:
        return Prepared(Program(program.path, path), folder)
    digest = _digest(folder, parts)
    bundle = folder / f"{digest}.zip"
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED, strict_timestamps=False) as out:
        for name, member in _files(folder, parts):
            out.write(member, name)
    return Prepared(Program(program.path, path), folder, bundle, digest)


def _entries(text: str, separator: str) -> list[str]:
    return [entry.strip() for entry in text.split(separator) if entry.strip()]


def _place_file(uri: str, folder: Path, packages: Path, configuration: Mapping[str, str]) -> None:
    """A module, a folder of modules, or a zip of them, where imports find it."""
    found = fetch(uri, folder / "files", configuration)
    if found.is_dir():
        shutil.copytree(found, packages / found.name, dirs_exist_ok=True)
    elif found.suffix in (".zip", ".whl", ".egg"):
        unpack_zip(found, packages)
    else:
        packages.mkdir(exist_ok=True)
        shutil.copyfile(found, packages / found.name)


def _place_archive(entry: str, folder: Path, configuration: Mapping[str, str]) -> None:
    """`URI` or `URI#folder`: unpacked into a folder of that name, as PyFlink does; the archive's own name if none is."""
    uri, _, target = entry.partition("#")
    found = fetch(uri, folder / "fetched", configuration)
    root = folder / "archives"
    place = root / (target or found.name)
    if not place.resolve().is_relative_to(root.resolve()) or place == root:
        raise ArtifactError(f"{entry!r} would be unpacked outside of the job's folder: name a plain folder")
    if place.exists():
        raise ArtifactError(f"{entry!r}: two archives want the folder {place.name!r}; name one by #folder")
    if zipfile.is_zipfile(found):
        unpack_zip(found, place)
    elif tarfile.is_tarfile(found):
        _unpack_tar(found, place)
    else:
        raise ArtifactError(f"{uri!r} is neither a zip nor a tar file", Reason.ARTIFACT_NOT_FOUND)


def _unpack_tar(archive: Path, target: Path) -> None:
    """Plain files and folders only: links and devices of an archive could reach outside of its folder."""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            if not (target / member.name).resolve().is_relative_to(target.resolve()):
                raise ArtifactError(
                    f"{archive.name} holds {member.name!r}, which would be written outside its folder"
                )
            if member.isdir():
                (target / member.name).mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                _write_member(opened, member, target / member.name)


def _write_member(opened: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = opened.extractfile(member)
    if source is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with source, path.open("wb") as out:
        shutil.copyfileobj(source, out)
    path.chmod(member.mode & 0o777 | 0o600)


def _files(folder: Path, parts: list[str]) -> Iterator[tuple[str, Path]]:
    """Every file of the parts by its name in the bundle, in one order; compiled files are left to their machine."""
    for part in parts:
        for found in sorted((folder / part).rglob("*")):
            if found.is_file() and "__pycache__" not in found.parts:
                yield found.relative_to(folder).as_posix(), found


def _digest(folder: Path, parts: list[str]) -> str:
    """Of names, modes and contents: a JobManager that starts again makes the same bundle."""
    whole = hashlib.sha256()
    for name, file in _files(folder, parts):
        whole.update(f"{name}\0{os.stat(file).st_mode & 0o777:o}\0".encode())
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return whole.hexdigest()
