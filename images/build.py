"""Builds the images of operator and runtime as OCI archives: `python images/build.py [--base IMAGE]`.

Called by `make images` and by the end-to-end tests. It uses Docker where it answers, else podman, else buildah; where
no registry can be reached for the base, `--base debian` (the default without Docker) makes one with mmdebstrap.
Archives are cached by the lock file and the sources; dependencies are a layer of their own, so a change of code alone
rebuilds in seconds. It never pushes anything.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
OUTPUT = REPOSITORY / "build" / "images"
VERSION = "0.1.0"
_MEMBERS = ("crds", "operator", "runtime")
_REGISTRY_BASE = "docker.io/library/python:3.11-slim-bookworm"
_DEBIAN_PACKAGES = "python3,python3-venv,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_IN_BUILD = "/run/build-certificates.crt"

log = logging.getLogger("images")


class ImageError(Exception):
    """An image could not be built; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its name, and the workspace members whose wheels go into it."""

    name: str
    members: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The full reference under which a node finds it as `penstock/<name>:<version>`."""
        return f"docker.io/penstock/{self.name}:{VERSION}"

    @property
    def archive(self) -> Path:
        """Where `make images` leaves the OCI archive."""
        return OUTPUT / f"{self.name}.tar"


IMAGES = (Image("runtime", ("crds", "runtime")), Image("operator", ("crds", "operator")))


@dataclass(frozen=True, slots=True)
class Engine:
    """The program that builds images, with the options that every call of it needs."""

    name: str
    command: tuple[str, ...]
    build: tuple[str, ...]

    def run(self, *arguments: str) -> None:
        """Run one command of the engine, or raise with the end of its output."""
        _run([*self.command, *arguments])


def cache_folder() -> Path:
    """Return the folder in which bases, layers and archives are kept between runs."""
    return Path(os.environ.get("PENSTOCK_CACHE") or Path.home() / ".cache" / "penstock")


def find_engine() -> Engine:
    """Return the first engine that answers on this machine."""
    if shutil.which("docker") and _answers("docker", "info"):
        return Engine("docker", ("docker",), ("build",))
    if shutil.which("buildah"):
        store = ("--root", str(cache_folder() / "layers"), "--runroot", "/run/penstock-images")
        driver = ("--storage-driver", "overlay" if os.geteuid() == 0 else "vfs")
        network = ("--isolation", "chroot", "--network", "host")
        return Engine("buildah", ("buildah", *store, *driver), ("bud", "--layers", "-q", *network))
    if shutil.which("podman"):
        return Engine("podman", ("podman",), ("build", "--layers", "-q"))
    raise ImageError(
        "no Docker, buildah or podman here; as root: apt-get install -y --no-install-recommends buildah mmdebstrap"
    )


def make_base(engine: Engine, wanted: str | None) -> str:
    """Return the reference of the base image, made with mmdebstrap where none is named and Docker is not here."""
    if wanted not in (None, "debian"):
        return str(wanted)
    if wanted is None and engine.name == "docker":
        return _REGISTRY_BASE
    tag = hashlib.sha256(_DEBIAN_PACKAGES.encode()).hexdigest()[:12]
    reference = f"localhost/penstock-base:{tag}"
    if _answers(*engine.command, "inspect", "--type", "image", reference):
        return reference
    if not shutil.which("mmdebstrap"):
        raise ImageError("no base image; as root: apt-get install -y mmdebstrap, or name one with --base")
    log.info("making the base image with mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="base-", dir=_made(cache_folder())) as folder:
        _debootstrap(Path(folder) / "base.tar")
        (Path(folder) / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
        engine.run(*engine.build, "-t", reference, folder)
    return reference


def _debootstrap(target: Path) -> None:
    """Write a root file system with Python, without documentation, man pages and translations."""
    excluded = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
    options = [f"--dpkgopt=path-exclude={path}" for path in excluded]
    clean = 'rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*'
    _run(
        [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={_DEBIAN_PACKAGES}",
            '--aptopt=APT::Install-Recommends "false"',
            *options,
            f"--customize-hook={clean}",
            "bookworm",
            str(target),
        ]
    )


def build_image(engine: Engine, image: Image, base: str) -> Path:
    """Build one image and leave its archive in `build/images`; unchanged sources take it from the cache."""
    kept = cache_folder() / "images" / f"{image.name}-{_digest(image, base)}.tar"
    if not kept.exists():
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="image-", dir=_made(cache_folder())) as folder:
            context = Path(folder)
            make_context(image, context)
            engine.run(
                *engine.build, *_build_options(engine, image, base), "-t", image.reference, str(context)
            )
        part = _made(kept.parent) / f"{kept.name}.part"
        part.unlink(missing_ok=True)
        _save(engine, image, part)
        for old in kept.parent.glob(f"{image.name}-*.tar"):
            old.unlink()
        part.replace(kept)
        log.info("built %s in %.0f s", image.reference, time.monotonic() - started)
    _made(OUTPUT)
    image.archive.unlink(missing_ok=True)
    try:
        os.link(kept, image.archive)
    except OSError:
        shutil.copyfile(kept, image.archive)
    return image.archive


def make_context(image: Image, context: Path) -> None:
    """Lay out what the Containerfile copies: uv, the locked workspace without code, wheels, entry points."""
    uv = _uv()
    shutil.copy2(uv, context / "uv")
    workspace = _made(context / "workspace")
    shutil.copy2(REPOSITORY / "uv.lock", workspace / "uv.lock")
    (workspace / "pyproject.toml").write_text(_workspace_alone())
    for member in _MEMBERS:
        shutil.copy2(REPOSITORY / member / "pyproject.toml", _made(workspace / member) / "pyproject.toml")
    for member in image.members:
        _run([uv, "build", "-q", "--wheel", "--out-dir", str(context / "wheels"), str(REPOSITORY / member)])
    (context / "wheels" / ".gitignore").unlink(missing_ok=True)
    shutil.copytree(REPOSITORY / "images" / "entrypoints", context / "entrypoints")


def _workspace_alone() -> str:
    """Return the root's pyproject.toml without the settings of tools, whose change shall not rebuild dependencies."""
    whole = (REPOSITORY / "pyproject.toml").read_text()
    return whole.partition("[tool.ruff]")[0]


def _build_options(engine: Engine, image: Image, base: str) -> list[str]:
    containerfile = REPOSITORY / "images" / f"{image.name}.Containerfile"
    options = ["-f", str(containerfile), "--build-arg", f"BASE={base}"]
    if engine.name != "docker" and _CERTIFICATES.exists():  # this machine's authorities, for the build alone
        options += ["-v", f"{_CERTIFICATES}:{_IN_BUILD}:ro", "--build-arg", f"SSL_CERT_FILE={_IN_BUILD}"]
    return options


def _save(engine: Engine, image: Image, target: Path) -> None:
    """Write the image as an archive that `kind load image-archive` and `ctr images import` read."""
    if engine.name == "docker":
        engine.run("save", "-o", str(target), image.reference)
    elif engine.name == "podman":
        engine.run("save", "--format", "oci-archive", "-o", str(target), image.reference)
    else:
        engine.run("push", "-q", image.reference, f"oci-archive:{target}:{image.reference}")


def _digest(image: Image, base: str) -> str:
    """Digest of everything that goes into an image."""
    files = [REPOSITORY / "uv.lock", Path(__file__)]
    files += [REPOSITORY / member / "pyproject.toml" for member in _MEMBERS]
    files += sorted((REPOSITORY / "images" / "entrypoints").iterdir())
    files.append(REPOSITORY / "images" / f"{image.name}.Containerfile")
    for member in image.members:
        sources = (REPOSITORY / member / "src").rglob("*")
        files += sorted(file for file in sources if file.is_file() and "__pycache__" not in file.parts)
    digest = hashlib.sha256((base + _workspace_alone()).encode())
    for file in files:
        digest.update(str(file.relative_to(REPOSITORY)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _uv() -> str:
    for candidate in (shutil.which("uv"), cache_folder() / "uv" / "bin" / "uv"):
        if candidate and Path(candidate).exists():
            return str(candidate)
    raise ImageError("uv is not here; `make setup` installs it")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _answers(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise ImageError(f"{' '.join(command[:8])} … failed (exit {done.returncode}):\n{tail}")


def build_images(base: str | None = None) -> tuple[Path, ...]:
    """Build both images; returns their archives."""
    engine = find_engine()
    reference = make_base(engine, base)
    return tuple(build_image(engine, image, reference) for image in IMAGES)


def main() -> int:
    """Build both images and say where they are."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Build the images of operator and runtime as OCI archives.")
    parser.add_argument(
        "--base", help="base image with Python 3.11 or newer; `debian` makes one with mmdebstrap"
    )
    try:
        for archive in build_images(parser.parse_args().base):
            sys.stdout.write(f"{archive.relative_to(REPOSITORY)}\n")
    except ImageError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
