"""The local operator process: reconciles what the store holds, tends its processes, follows a folder of manifests.

One at a time for each home (`local/home.py`). It may be killed at any moment: the next one goes on.
"""

import os
import threading
import time
from pathlib import Path

import structlog

from penstock_operator.errors import OperatorError
from penstock_operator.local.manifests import manifest_files, read_manifests
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.local import LocalPlatform
from penstock_operator.platforms.local_store import NAMESPACE
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.workqueue import WorkQueue

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
LONGEST_PAUSE = 2.0
"""A local process that died is noticed within this; a cluster has a kubelet for it."""


class LocalRunner:
    """Runs the loop on the local platform until it is told to stop."""

    def __init__(self, platform: LocalPlatform, folder: Path | None = None) -> None:
        self._platform = platform
        self._loop = Loop(platform)
        self._queue: WorkQueue[Ref] = WorkQueue(self._reconcile, workers=4)
        self._folder = folder
        self._seen: dict[str, tuple[int, str | None]] = {}
        self._applied: dict[Path, tuple[int, int]] = {}
        self._of_folder: dict[Path, set[str]] = {}

    def run(self, stop: threading.Event, idle_seconds: float = float("inf")) -> None:
        """Block until `stop` is set, or until there was nothing to run for so long; what runs, runs on."""
        self._queue.start()
        busy = time.monotonic()
        try:
            while not stop.is_set() and time.monotonic() - busy < idle_seconds:
                busy = time.monotonic() if self._seen else busy
                self._follow_folder()
                self._wake_changed()
                stop.wait(POLL_SECONDS)
        finally:
            self._queue.close()

    def stop_processes(self, timeout: float = 25.0) -> None:
        """End every job's processes; their state is kept, and the next run brings them back from it."""
        deadline = time.monotonic() + timeout
        names = set(self._platform.store.names())
        while names and time.monotonic() < deadline:
            for name in list(names):
                resource = self._platform.store.read(name)
                if resource is None:
                    names.discard(name)
                    continue
                self._platform.stop(resource)
                if not self._platform.store.processes(name):
                    names.discard(name)
            time.sleep(0.1)

    def _reconcile(self, ref: Ref) -> float | None:
        self._platform.tend(ref.name)
        again = self._loop.reconcile(ref)
        return None if again is None else min(again, LONGEST_PAUSE)

    def _wake_changed(self) -> None:
        found = self._platform.store.names()
        for name, version in found.items():
            if self._seen.get(name) != version:
                self._queue.wake(Ref(NAMESPACE, name))
        self._seen = found

    def _follow_folder(self) -> None:
        """Apply what changed in the folder; what is no longer there is deleted. A folder that is away says nothing of jobs."""
        if self._folder is None or not self._folder.is_dir():
            return
        files = manifest_files([self._folder])
        for path in files:
            try:
                stat = path.stat()
            except FileNotFoundError:  # it went meanwhile: the next look sees that
                continue
            if self._applied.get(path) == (stat.st_mtime_ns, stat.st_size):
                continue
            self._applied[path] = (stat.st_mtime_ns, stat.st_size)
            self._apply(path)
        for path in set(self._of_folder) - set(files):
            for name in self._of_folder.pop(path):
                log.info("deleting", resource=name, manifest=str(path))
                self._platform.store.mark_deleting(name)
            self._applied.pop(path, None)

    def _apply(self, path: Path) -> None:
        try:
            resources = read_manifests(path)
        except OperatorError as error:
            log.error("the manifest is left as it was", reason=error.message)
            return
        for resource in resources:
            said = self._platform.store.apply(resource, os.urandom(8).hex())
            log.info(said, resource=resource.metadata.name, manifest=str(path))
        names = {resource.metadata.name for resource in resources}
        for name in self._of_folder.get(path, set()) - names:
            self._platform.store.mark_deleting(name)
        self._of_folder[path] = names
