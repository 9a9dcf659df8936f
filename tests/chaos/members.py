"""The job's own processes under chaos: two JobManagers of which one leads, and the TaskManagers, each group in a folder.

Used by the world (world.py). Does what Kubernetes would: what ended is started again. Nothing is signalled that was not
started here.
"""

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx

from penstock.ha.contract import HighAvailabilityDown
from penstock.ha.opening import open_ha
from tests.launch.cluster_processes import Cluster, cluster

JOBMANAGERS = ("jobmanager-1", "jobmanager-2")
TASKMANAGERS = ("taskmanager-1", "taskmanager-2")


class Members:
    """Processes by name, and REST of whichever JobManager answers."""

    def __init__(self, folder: Path, stack: ExitStack, slots: int) -> None:
        self._clusters: dict[str, Cluster] = {}
        for name in (*JOBMANAGERS, "taskmanagers"):
            (folder / name).mkdir(parents=True)
            self._clusters[name] = stack.enter_context(cluster(folder / name, slots))

    def configure(self, settings: dict[str, str]) -> None:
        """For every process that starts from now on."""
        for member in self._clusters.values():
            member.settings |= settings

    def start(self, name: str, *arguments: str) -> None:
        """Start a process of that name."""
        self._of(name).start(name, *arguments)

    def process(self, name: str) -> Popen[bytes]:
        """The process of that name; it may have ended."""
        return self._of(name).processes[name]

    def kill(self, name: str) -> None:
        """As a crash would."""
        process = self.process(name)
        process.kill()
        process.wait()

    def end_jobmanagers(self) -> None:
        """The one that stands by first, so that it does not take over."""
        leader = self.leader()
        for name in sorted(JOBMANAGERS, key=lambda name: name == leader):
            if name in self._of(name).processes:
                self._of(name).end(name)

    def take_ended(self) -> list[str]:
        """Names of processes that ended and were not started again."""
        ended = []
        for member in self._clusters.values():
            for name, process in list(member.processes.items()):
                if process.poll() is not None:
                    del member.processes[name]
                    ended.append(name)
        return ended

    def leader(self) -> str:
        """Who leads as far as the election knows; the first one while nobody does."""
        settings = self._clusters[JOBMANAGERS[0]].settings
        with contextlib.suppress(HighAvailabilityDown, ValueError):
            ha = open_ha(settings)
            if ha is not None:
                try:
                    found = ha.leader()
                finally:
                    ha.close()
                for name in JOBMANAGERS:
                    if found is not None and found.rest.endswith(f":{self._clusters[name].port}"):
                        return name
        return JOBMANAGERS[0]

    def standby(self) -> str:
        """Who does not lead."""
        return JOBMANAGERS[1] if self.leader() == JOBMANAGERS[0] else JOBMANAGERS[0]

    def get(self, path: str) -> Any:
        """An answer; httpx.HTTPError or ValueError when no JobManager gives one."""
        return self._ask(lambda member: member.get(path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """As `get`."""
        return self._ask(lambda member: member.post(path, body))

    def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """As `get`."""
        found: httpx.Response = self._ask(lambda member: member.put(path, body))
        return found

    def outputs(self) -> str:
        """The ends of what all processes printed."""
        return "\n".join(f"==== {name}\n{member.outputs()}" for name, member in self._clusters.items())

    def _of(self, name: str) -> Cluster:
        return self._clusters[name if name in JOBMANAGERS else "taskmanagers"]

    def _ask(self, ask: Callable[[Cluster], Any]) -> Any:
        for name in JOBMANAGERS:
            if name in self._clusters[name].processes:
                try:
                    return ask(self._clusters[name])
                except httpx.HTTPError:
                    continue
        raise httpx.ConnectError("no JobManager answers")
