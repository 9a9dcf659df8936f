"""The work queue: which resource is reconciled when, by a bounded number of threads, each resource by one at a time.

Its items are `Key`s where resources of several kinds are reconciled (`kinds.py`), else plain `Ref`s.

`wake` is called by watches and timers of either platform, from any thread. A wake-up while a resource is being
reconciled is remembered: one more turn follows. Wakes never pile up.
"""

import heapq
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from penstock_operator.model.facts import Ref
from penstock_operator.reconcile.kinds import Key

log = structlog.get_logger(__name__)

_HEAD_START = 5.0
"""Seconds that news goes ahead of looks that are due: with very many resources there is always one due."""
_CHANGE_HEAD_START = 10.0
"""Seconds that a changed spec does: in a burst of changes each is acted upon before the next steps of the first ones."""

Item = TypeVar("Item", bound=Ref | Key)


class WorkQueue(Generic[Item]):
    """Runs `reconcile(item)`; its answer is the number of seconds to the next turn, or None for never."""

    def __init__(self, reconcile: Callable[[Item], float | None], workers: int = 8) -> None:
        self._reconcile = reconcile
        self._changed = threading.Condition()
        self._due: dict[Item, float] = {}
        self._order: list[tuple[float, Item]] = []
        self._busy: set[Item] = set()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"reconcile-{index}", daemon=True)
            for index in range(workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def wake(self, item: Item, after: float = 0.0, *, is_change: bool = False) -> None:
        """Have the resource reconciled, at the latest after so many seconds; at once means before what was due already.

        `is_change`: because its spec was changed.
        """
        ahead = _CHANGE_HEAD_START if is_change else _HEAD_START
        self._put(item, time.monotonic() + (after if after > 0 else -ahead))

    def _put(self, item: Item, at: float) -> None:
        with self._changed:
            if self._due.get(item, float("inf")) <= at:
                return
            self._due[item] = at
            heapq.heappush(self._order, (at, item))
            self._changed.notify()

    def close(self, timeout: float = 30.0) -> None:
        """Finish what is being done, begin nothing more; blocks until the workers ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (item := self._next()) is not None:
            again: float | None = 5.0
            try:
                again = self._reconcile(item)
            except Exception:
                log.exception("a turn of the loop failed", resource=str(item))
            with self._changed:
                self._busy.discard(item)
                self._changed.notify()
            if again is not None:
                self._put(item, time.monotonic() + again)

    def _next(self) -> Item | None:
        """The next due resource that nobody is busy with; None once closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                found = self._take(now)
                if found is not None:
                    return found
                self._changed.wait(self._until_next(now))
            return None

    def _take(self, now: float) -> Item | None:
        held: list[tuple[float, Item]] = []
        found: Item | None = None
        while self._order and self._order[0][0] <= now and found is None:
            at, item = heapq.heappop(self._order)
            if self._due.get(item) != at:
                continue  # woken earlier meanwhile: this entry is stale
            if item in self._busy:
                held.append((at, item))
                continue
            del self._due[item]
            self._busy.add(item)
            found = item
        for entry in held:
            heapq.heappush(self._order, entry)
        return found

    def _until_next(self, now: float) -> float | None:
        """Seconds to the next entry that is not held up by a worker; a worker that ends notifies."""
        if self._order and self._order[0][1] not in self._busy:
            return max(0.0, self._order[0][0] - now)
        waiting = [at for at, item in self._order if item not in self._busy]
        return max(0.0, min(waiting) - now) if waiting else None
