"""The enumerators of an attempt's sources: one worker thread runs them all, so their calls never overlap.

Owned by `jobmanager.master`. What is assigned before a snapshot is reported before it: the order of reports is the
order of calls. Holds no user code.
"""

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from penstock.connectors.contract import SplitEnumerator
from penstock.connectors.registry import enumerator_factory
from penstock.control.messages import Failure
from penstock.jobmanager.effects import EnumeratorStart, StartEnumerators
from penstock.jobmanager.events import EnumeratorFailed, EnumeratorsSnapshotted, JobEvent, SplitsAssigned

RETRY_SECONDS = 0.5
"""How long a subtask waits that asked for work while there was none and nothing is discovered by time."""


class Enumerators:
    """The thread and its work. `report` is called in the thread and must be safe there."""

    def __init__(
        self,
        start: StartEnumerators,
        configuration: Mapping[str, str],
        report: Callable[[JobEvent], None],
    ) -> None:
        self._attempt = start.attempt
        self._sources = {source.vertex_id: source for source in start.sources}
        self._configuration = configuration
        self._report = report
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._made: dict[str, SplitEnumerator] = {}
        self._waiting: dict[str, list[int]] = {}
        self._ended: set[str] = set()
        self._due: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="enumerators", daemon=True)
        self._thread.start()

    def ask(self, vertex_id: str, index: int) -> None:
        """A subtask wants work."""

        def work() -> None:
            waiting = self._waiting.setdefault(vertex_id, [])
            if index not in waiting:
                waiting.append(index)
            self._assign(vertex_id)

        self._work.put(work)

    def give_back(self, vertex_id: str, indexes: Sequence[int], splits: Sequence[dict[str, Any]]) -> None:
        """Subtasks start again: hand out anew what they had, and tell again when there is no more."""

        def work() -> None:
            waiting = self._waiting.setdefault(vertex_id, [])
            self._waiting[vertex_id] = [index for index in waiting if index not in indexes]
            self._ended.discard(vertex_id)
            if splits:
                self._made[vertex_id].add_splits_back(list(splits))
            self._assign(vertex_id)

        self._work.put(work)

    def snapshot(self, checkpoint_id: int) -> None:
        """Report the state of all."""

        def work() -> None:
            states = {
                self._sources[vertex].operator_id: made.snapshot() for vertex, made in self._made.items()
            }
            self._report(EnumeratorsSnapshotted(self._attempt, checkpoint_id, states))

        self._work.put(work)

    def close(self) -> None:
        """Stop; returns at once, the thread ends after its present call."""
        self._work.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            for source in self._sources.values():
                self._make(source)
            while self._step():
                pass
        except Exception as error:  # noqa: BLE001 - any error of a connector fails the job, with its reason
            failure = Failure(
                exception=type(error).__name__, message=str(error), stacktrace=traceback.format_exc()
            )
            self._report(EnumeratorFailed(self._attempt, failure))
        finally:
            for made in self._made.values():
                made.close()

    def _step(self) -> bool:
        soonest = min(self._due.values(), default=None)
        wait = None if soonest is None else max(0.0, soonest - time.monotonic())
        try:
            work = self._work.get(timeout=wait)
        except Empty:
            self._discover_due()
            return True
        if work is None:
            return False
        work()
        return True

    def _make(self, start: EnumeratorStart) -> None:
        factory = enumerator_factory(start.source.connector)
        made = factory.create_enumerator(
            start.source.options, start.parallelism, start.state, self._configuration
        )
        self._made[start.vertex_id] = made
        if start.splits:
            made.add_splits_back(list(start.splits))
        made.discover()
        self._plan(start.vertex_id)
        self._assign(start.vertex_id)

    def _plan(self, vertex_id: str) -> None:
        interval = self._made[vertex_id].discovery_interval_seconds
        self._due.pop(vertex_id, None)
        if interval is not None:
            self._due[vertex_id] = time.monotonic() + interval

    def _discover_due(self) -> None:
        now = time.monotonic()
        for vertex_id in [vertex for vertex, due in self._due.items() if due <= now]:
            self._made[vertex_id].discover()
            self._plan(vertex_id)
            self._assign(vertex_id)

    def _assign(self, vertex_id: str) -> None:
        made = self._made.get(vertex_id)
        if made is None:
            return
        waiting = self._waiting.setdefault(vertex_id, [])
        assignments: dict[int, list[dict[str, Any]]] = made.take_assignments(list(waiting))
        given = {index: list(splits) for index, splits in assignments.items() if splits}
        self._waiting[vertex_id] = [index for index in waiting if index not in given]
        no_more = made.has_no_more_splits() and vertex_id not in self._ended
        if no_more:
            self._ended.add(vertex_id)
        if given or no_more:
            self._report(SplitsAssigned(self._attempt, vertex_id, given, no_more))
