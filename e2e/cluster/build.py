"""Builds what the node needs: commands from Go modules and the pause image's one program.

Called by `python -m e2e.cluster build` and before a node starts. A finished build appears in the cache by a rename,
so an interrupted one is never taken for a whole one.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from e2e.cluster.layout import (
    PAUSE_IMAGE,
    TOOLS,
    TOOLS_IN_ORDER,
    ClusterError,
    Tool,
    cache_folder,
    digest_of,
)
from tests.servers.install import go

log = logging.getLogger(__name__)


def build_tool(tool: Tool) -> None:
    """Build a tool's commands into its cache folder, unless they are there."""
    if tool.is_built:
        return
    started = time.monotonic()
    log.info("building %s (%s)", tool.name, ", ".join(name for name, _ in tool.packages))
    tool.folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{tool.name}-", dir=tool.folder.parent))
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=readonly"}
    try:
        for packages in _in_one_go(tool, part):
            command = ["nice", go(), "build", "-trimpath", "-buildvcs=false", "-ldflags", tool.ldflags, "-o"]
            _run([*command, *packages], tool.source, environment)
        tool.folder.mkdir(exist_ok=True)
        for built in part.iterdir():
            built.replace(tool.folder / built.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    log.info("built %s in %.0f s", tool.name, time.monotonic() - started)


def _in_one_go(tool: Tool, part: Path) -> list[list[str]]:
    """Arguments after `-o`: one call where the command is named as its package, so that nothing compiles twice."""
    if len(tool.packages) > 1:
        return [[f"{part}/", *(package for _, package in tool.packages)]]
    command, package = tool.packages[0]
    return [[str(part / command), package]]


def pause_archive() -> Path:
    """Return an OCI archive of the pause image, built on first use from a few lines of C."""
    source = TOOLS / "pause.c"
    archive = cache_folder() / f"pause-{digest_of(source)}.tar"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pause-", dir=archive.parent) as folder:
        work = Path(folder)
        _run(["gcc", "-static", "-Os", "-s", "-o", str(work / "pause"), str(source)], work)
        (work / "Containerfile").write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
        store = ["--root", str(work / "root"), "--runroot", str(work / "run"), "--storage-driver", "vfs"]
        _run(["buildah", *store, "bud", "-q", "--isolation", "chroot", "-t", PAUSE_IMAGE, "."], work)
        part = work / "pause.tar"
        _run(["buildah", *store, "push", "-q", PAUSE_IMAGE, f"oci-archive:{part}:{PAUSE_IMAGE}"], work)
        part.replace(archive)
    return archive


def build_all() -> None:
    """Build everything that a node needs; a second call finds it all in the cache."""
    for tool in TOOLS_IN_ORDER:
        build_tool(tool)
    pause_archive()


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise ClusterError(f"{' '.join(command[:6])} … failed in {folder} (exit {done.returncode}):\n{tail}")
