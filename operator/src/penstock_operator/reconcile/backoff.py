"""How long a resource waits after an unexpected error: longer with each further one, and never for ever.

Called by the loop. `retry.initial.interval` times `retry.interval.multiplier` each, for `retry.max.attempts`; after that,
and never longer than that, `reconcile.interval`. A turn that works begins anew. Thread-safe.
"""

import threading
from collections.abc import Callable

from penstock_operator.configuration.values import Values
from penstock_operator.model.facts import Ref

_USUAL_SECONDS = 5.0
"""The default of `retry.initial.interval`: errors ask for a wait in proportion to it."""


class Backoff:
    """Of every resource of one loop."""

    def __init__(self, values: Callable[[], Values] = lambda: Values({})) -> None:
        self._values = values
        self._lock = threading.Lock()
        self._failures: dict[Ref, int] = {}

    def succeeded(self, ref: Ref) -> None:
        """A turn worked."""
        with self._lock:
            self._failures.pop(ref, None)

    def failed(self, ref: Ref, least_seconds: float) -> float:
        """Seconds until the next try; `least_seconds` is what the error itself asks for."""
        with self._lock:
            count = self._failures.get(ref, 0)
            self._failures[ref] = count + 1
        values = self._values()
        longest = values.duration("reconcile.interval")
        ceiling = longest.total_seconds() if longest else 60.0
        most = values.duration("retry.max.interval")
        if most is not None:
            ceiling = min(ceiling, most.total_seconds())
        attempts = values.integer("retry.max.attempts")
        if attempts is not None and count >= attempts:
            return max(least_seconds, ceiling)
        first = values.duration("retry.initial.interval")
        start = least_seconds * (first.total_seconds() / _USUAL_SECONDS) if first else least_seconds
        factor = max(1.0, values.number("retry.interval.multiplier") or 1.0)
        return min(start * factor**count, max(start, ceiling))
