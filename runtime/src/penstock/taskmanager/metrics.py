"""Metrics of a task and of its operators, by Flink's names; collected once a second by `taskmanager.slot`."""

import threading
import time
from collections.abc import Callable, Iterable
from enum import Enum


class OperatorMetrics:
    """An operator's metric group: counters that it adds to, gauges that are read when metrics are collected."""

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def counter(self, name: str) -> Callable[[int], None]:
        """A function that adds to the counter `name`."""
        counters = self._counters
        counters.setdefault(name, 0)

        def add(count: int) -> None:
            counters[name] += count

        return add

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Publish what `read` returns."""
        self._gauges[name] = read

    def collect(self) -> dict[str, float]:
        """All values now; a gauge that fails is left out, for a metric must not end a job."""
        values: dict[str, float] = dict(self._counters)
        for name, read in self._gauges.items():
            try:
                values[name] = float(read())
            except Exception:  # noqa: BLE001, S112 - user code behind a gauge
                continue
        return values


class Activity(Enum):
    """What a task spends its time on."""

    BUSY = "busyTimeMsPerSecond"
    IDLE = "idleTimeMsPerSecond"
    BACKPRESSURED = "backPressuredTimeMsPerSecond"


_ACCUMULATED = {
    Activity.BUSY: "accumulateBusyTimeMs",
    Activity.IDLE: "accumulateIdleTimeMs",
    Activity.BACKPRESSURED: "accumulateBackPressuredTimeMs",
}


class _Thread(threading.local):
    """What all tasks of this thread have worked."""

    worked = 0.0


_thread = _Thread()


class TimeShares:
    """How a task's time is shared between busy, idle and backpressured: they sum to 1000 ms a second.

    The tasks of a slot share a thread: while another one works this one is not busy, whatever it waits for.
    """

    def __init__(self) -> None:
        self._spent = dict.fromkeys(Activity, 0.0)
        self._before = dict.fromkeys(Activity, 0.0)
        self._activity = Activity.IDLE
        self._since = time.monotonic()
        self._seen = _thread.worked

    def enter(self, activity: Activity) -> None:
        """From now on the task does this."""
        if activity is not self._activity:
            self._pass(time.monotonic())
            self._activity = activity

    def worked(self, began: float) -> None:
        """The task worked from then until now, and goes on unless it says otherwise."""
        began = max(began, self._since)
        self._pass(began)
        now = time.monotonic()
        self._spent[Activity.BUSY] += now - began
        _thread.worked += now - began
        self._activity, self._since, self._seen = Activity.BUSY, now, _thread.worked

    def collect(self) -> dict[str, float]:
        """Milliseconds a second of each since the last call, and the milliseconds of each since the task began."""
        self._pass(time.monotonic())
        total = sum(self._spent.values()) or 1.0
        shares = {activity.value: 1000.0 * spent / total for activity, spent in self._spent.items()}
        for activity, spent in self._spent.items():
            self._before[activity] += spent
            shares[_ACCUMULATED[activity]] = float(round(1000.0 * self._before[activity]))
        self._spent = dict.fromkeys(Activity, 0.0)
        return shares

    def _pass(self, now: float) -> None:
        """Count the time since the last look; what others worked in it was no work of this task."""
        passed = now - self._since
        others = min(passed, _thread.worked - self._seen) if self._activity is Activity.BUSY else 0.0
        self._spent[self._activity] += passed - others
        self._spent[Activity.IDLE] += others
        self._since, self._seen = now, _thread.worked


class Rates:
    """Per-second rates of counters, from one collection to the next."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._at = time.monotonic()

    def of(self, counts: Iterable[tuple[str, float]]) -> dict[str, float]:
        """`<name>PerSecond` of each counter."""
        now = time.monotonic()
        passed = max(now - self._at, 1e-9)
        rates: dict[str, float] = {}
        for name, count in counts:
            rates[f"{name}PerSecond"] = (count - self._last.get(name, 0.0)) / passed
            self._last[name] = count
        self._at = now
        return rates
