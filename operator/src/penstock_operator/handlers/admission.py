"""Which wake-ups reach the work queue, and when: watched namespaces, canaries, and the rate limit of each resource.

Called by `handlers/app.py` for every event. A wake-up over the limit comes later and is never lost. Thread-safe.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from penstock_operator.build import labels
from penstock_operator.configuration.values import Values
from penstock_operator.model.facts import Ref


class RateLimit:
    """Limits how many changes of one resource's spec are handled: `rate-limiter.limit` in `rate-limiter.refresh-period`.

    What the operator writes itself, and what happens to a job, does not count: an upgrade is never slowed down.
    """

    def __init__(self, values: Callable[[], Values], clock: Callable[[], float] = time.monotonic) -> None:
        self._values = values
        self._clock = clock
        self._lock = threading.Lock()
        self._generations: dict[Hashable, object] = {}
        self._changes: dict[Hashable, deque[float]] = {}

    def seen(self, key: Hashable, generation: object) -> bool:
        """Take note of a resource's generation; says whether its spec was changed."""
        with self._lock:
            is_first = key not in self._generations
            if generation is None or self._generations.get(key) == generation:
                return False
            self._generations[key] = generation
            if not is_first:
                self._changes.setdefault(key, deque()).append(self._clock())
            return not is_first

    def gone(self, key: Hashable) -> None:
        """Forget a resource that was deleted."""
        with self._lock:
            self._generations.pop(key, None)
            self._changes.pop(key, None)

    def delay(self, key: Hashable) -> float:
        """Seconds until a wake-up may be acted on: 0 within the limit."""
        values = self._values()
        limit, period = values.integer("rate-limiter.limit"), values.duration("rate-limiter.refresh-period")
        if not limit or limit < 0 or period is None:
            return 0.0
        now, seconds = self._clock(), period.total_seconds()
        with self._lock:
            changes = self._changes.get(key)
            while changes and changes[0] <= now - seconds:
                changes.popleft()
            if not changes or len(changes) <= limit:
                return 0.0
            return changes[len(changes) - limit - 1] + seconds - now


class Canaries:
    """Resources that are there to see whether the operator works: each change must be seen and handled in time."""

    def __init__(self, values: Callable[[], Values], clock: Callable[[], float] = time.monotonic) -> None:
        self._values = values
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[Ref, tuple[Any, float]] = {}
        self._handled: dict[Ref, Any] = {}

    def seen(self, meta: Mapping[str, Any]) -> bool:
        """Take note of a resource; says whether it is a canary, which nothing else is done about but `handled`."""
        ref = Ref(str(meta.get("namespace") or ""), str(meta.get("name") or ""))
        is_canary = (meta.get("labels") or {}).get(labels.CANARY) == "true"
        generation = meta.get("generation")
        with self._lock:
            if not is_canary or meta.get("deletionTimestamp"):
                self._waiting.pop(ref, None)
                self._handled.pop(ref, None)
            elif self._handled.get(ref) != generation and self._waiting.get(ref, (None, 0))[0] != generation:
                self._waiting[ref] = (generation, self._clock())
        return is_canary

    def handled(self, ref: Ref) -> bool:
        """A worker got to the resource; says whether it is a canary."""
        with self._lock:
            waiting = self._waiting.pop(ref, None)
            if waiting is not None:
                self._handled[ref] = waiting[0]
            return ref in self._handled

    def is_late(self, is_served: Callable[[str], bool] = lambda _: True) -> bool:
        """Whether any was not handled within `health.canary.resource.timeout`, of namespaces that are served.

        Every one of the cluster is seen, whoever serves it; one of another operator's begins to wait when it is ours.
        """
        limit, now = self._values().duration("health.canary.resource.timeout"), self._clock()
        with self._lock:
            for ref, (generation, _) in list(self._waiting.items()):
                if not is_served(ref.namespace):
                    self._waiting[ref] = (generation, now)
            times = [since for _, since in self._waiting.values()]
        return limit is not None and any(now - since > limit.total_seconds() for since in times)
