"""Chooses how the cluster is made: kind where Docker answers, processes of this machine where not.

Called by the command and by the test session.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

from e2e.cluster.kind import Kind, kind_answers
from e2e.cluster.node import Node


class Cluster(Protocol):
    """What a test needs of a cluster, however it is made."""

    kubeconfig: Path

    @property
    def host_address(self) -> str:
        """The address at which pods reach servers of this machine."""
        ...

    def up(self) -> None:
        """Start it, or leave a running one as it is."""
        ...

    def is_up(self) -> bool:
        """Whether it runs and answers."""
        ...

    def down(self) -> None:
        """Remove it and everything that it made."""
        ...

    def kubectl(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl against it, with a text as its input."""
        ...

    def kill_container(self, identity: str) -> None:
        """Kill a container's first process by signal 9, as a crash would; `identity` is of the pod's status."""
        ...

    def import_image(self, archive: Path) -> None:
        """Make an image of an archive known to its node."""
        ...


def this_cluster() -> Cluster:
    """Return the cluster of this machine, running or not."""
    return Kind() if kind_answers() else Node()
