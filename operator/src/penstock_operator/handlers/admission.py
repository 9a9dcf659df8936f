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

_FORGET_OVER = 10_000
"""Resources whose wake-ups are remembered at most; those of long ago are forgotten first."""


class RateLimit:
    """At most so many wake-ups of one resource in a period: `rate-limiter.limit` in `rate-limiter.refresh-period`."""

    def __init__(self, values: Callable[[], Values], clock: Callable[[], float] = time.monotonic) -> None:
        self._values = values
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: dict[Hashable, deque[float]] = {}

    def delay(self, key: Hashable) -> float:
        """Seconds until this wake-up may be acted on: 0 within the limit."""
        values = self._values()
        limit, period = values.integer("rate-limiter.limit"), values.duration("rate-limiter.refresh-period")
        if not limit or limit < 0 or period is None:
            return 0.0
        now, seconds = self._clock(), period.total_seconds()
        with self._lock:
            recent = self._recent.setdefault(key, deque())
            while recent and recent[0] <= now - seconds:
                recent.popleft()
            if len(recent) >= limit:
                return recent[0] + seconds - now
            recent.append(now)
            if len(self._recent) > _FORGET_OVER:
                self._forget(now - seconds)
            return 0.0

    def _forget(self, before: float) -> None:
        self._recent = {key: times for key, times in self._recent.items() if times and times[-1] > before}


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

    def is_late(self) -> bool:
        """Whether any was not handled within `health.canary.resource.timeout`."""
        limit = self._values().duration("health.canary.resource.timeout")
        if limit is None:
            return False
        with self._lock:
            times = [since for _, since in self._waiting.values()]
        return any(self._clock() - since > limit.total_seconds() for since in times)
