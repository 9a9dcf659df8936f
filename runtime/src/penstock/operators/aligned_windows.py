"""The quick way through tumbling and sliding event-time windows on the hashmap backend: one loop a batch, two dict accesses.

Used by `operators.window` where nothing else can be asked for: its own trigger, no lateness, no evictor, and no snapshot
under way (`can_run`), for then every change must go through the table. State and timers are the same as on the slow way,
so that either goes on with what the other left.
"""

from collections.abc import Callable, Iterable
from typing import Any

from penstock.operators.collector import Collector
from penstock.operators.runtime_context import RuntimeContext
from penstock.operators.window_content import Content, Emission, WindowContext
from penstock.operators.window_trigger import WindowHandles, WindowState
from penstock.state.contract import MISSING
from penstock.state.hashmap import HashMapBackend, HashMapTable
from penstock.windows.assigners import (
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WindowAssignerContext,
)
from penstock.windows.window import TimeWindow

_REMEMBERED_KEYS = 65_536
AlignedAssigner = TumblingEventTimeWindows | SlidingEventTimeWindows
"""What it can do: windows that are the same for all keys and known from a record's time alone."""


class KeyGroups(dict[Any, int]):
    """Key → its group in the backend, asked on first sight: the lookup of a known key runs in C."""

    def __init__(self, backend: HashMapBackend) -> None:
        super().__init__()
        self._touch = backend.touch

    def __missing__(self, key: Any) -> int:
        """Ask the backend; the memory of old keys is bounded."""
        group = self._touch(key)
        if len(self) >= _REMEMBERED_KEYS:
            self.clear()
        self[key] = group
        return group


class AlignedContext(WindowContext):
    """What a ProcessWindowFunction is given, window after window: those that end together are one window of many keys."""

    def __init__(self, handles: WindowHandles, runtime: RuntimeContext, times: Any) -> None:
        super().__init__(None, None, runtime, None, times)
        self._handles = handles
        self._namespace: tuple[int, int] | None = None

    def turn_to(self, namespace: tuple[int, int], key: Any) -> None:
        """Mean that window and key from now on."""
        self._key = key
        if namespace != self._namespace:
            self._namespace = namespace
            self._window = TimeWindow(*namespace)
            self._state_of_window = WindowState(self._handles, namespace)


class TumblingLoop:
    """Windows of one operator, one for each record."""

    def __init__(
        self,
        backend: HashMapBackend,
        table: HashMapTable,
        assigner: AlignedAssigner,
        content: Content,
        emission: Emission,
        context: WindowAssignerContext,
        window: AlignedContext,
    ) -> None:
        self._context = context
        self._backend = backend
        self._spaced = table.spaced
        self._groups = KeyGroups(backend)
        self._assign = assigner.assign_windows
        self._begin: Callable[[Any], Any] = content.starter()
        self._grow: Callable[[Any, Any], Any] = content.grower()
        self._elements = content.elements
        self._emission = emission
        self._results = emission.results
        if emission.is_process and emission.is_keyed:
            function = emission.function
            self._results = lambda context, key, elements: function.process(key, context, elements)
        self._clears = emission.has_clear
        self._window = window

    @property
    def can_run(self) -> bool:
        """No snapshot needs to know of changes."""
        return self._backend.frozen is None

    def add(
        self, keys: Iterable[Any], values: list[Any], times: list[int], watermark: int
    ) -> list[tuple[Any, int]]:
        """Put each record into its window; returns those that are late, with their times."""
        groups, spaced, begin, grow = self._groups, self._spaced, self._begin, self._grow
        add_timer = self._backend.event_timers.add
        late: list[tuple[Any, int]] = []
        start, end = 1, 0
        namespace: Any = None
        for key, value, time in zip(keys, values, times, strict=True):
            if not start <= time <= end:
                (window_of_time,) = self._assign(value, time, self._context)
                start, end = window_of_time.start, window_of_time.max_timestamp()
                namespace = (start, window_of_time.end)
            if end <= watermark:
                late.append((value, time))
                continue
            group = groups[key]
            spaces = spaced[group]
            window = spaces.get(namespace)
            if window is None:
                window = spaces[namespace] = {}
            held = window.get(key, MISSING)
            if held is MISSING:
                window[key] = begin(value)
                add_timer(group, end, key, namespace)
            else:
                window[key] = grow(value, held)
        return late

    def fire(self, key: Any, namespace: tuple[int, int], collector: Collector) -> None:
        """Take the window of the current key out of state and give its results."""
        spaces = self._spaced[self._backend.group]
        context = self._window
        window = spaces.get(namespace)
        if window is None or key not in window:
            return
        held = window.pop(key)
        if not window:
            del spaces[namespace]
        context.turn_to(namespace, key)
        results = self._results(context, key, self._elements(held))
        if results is not None:
            collector.take(results, namespace[1] - 1)
        if self._clears:
            self._emission.clear(context)


class SlidingLoop(TumblingLoop):
    """Windows of one operator, several for each record. Which ones is asked once for all times that have the same."""

    def __init__(self, slide: int, *parts: Any) -> None:
        super().__init__(*parts)
        self._slide = slide

    def add(
        self, keys: Iterable[Any], values: list[Any], times: list[int], watermark: int
    ) -> list[tuple[Any, int]]:
        """Put each record into its windows that are not over; returns those that have none, with their times."""
        groups, spaced, begin, grow = self._groups, self._spaced, self._begin, self._grow
        add_timer = self._backend.event_timers.add
        late: list[tuple[Any, int]] = []
        first, last = 1, 0
        takers: list[tuple[int, int]] = []
        for key, value, time in zip(keys, values, times, strict=True):
            if not first <= time <= last:
                spans = [(window.start, window.end) for window in self._assign(value, time, self._context)]
                first, last = self._same_for(spans)
                takers = [span for span in spans if span[1] - 1 > watermark]
            if not takers:
                late.append((value, time))
                continue
            group = groups[key]
            spaces = spaced[group]
            for namespace in takers:
                window = spaces.get(namespace)
                if window is None:
                    window = spaces[namespace] = {}
                held = window.get(key, MISSING)
                if held is MISSING:
                    window[key] = begin(value)
                    add_timer(group, namespace[1] - 1, key, namespace)
                else:
                    window[key] = grow(value, held)
        return late

    def _same_for(self, spans: list[tuple[int, int]]) -> tuple[int, int]:
        """The first and the last time whose windows are just these: no other ends or begins between."""
        if not spans:
            return 1, 0
        first_end, last_start = min(spans)[1], max(spans)[0]
        return max(last_start, first_end - self._slide), min(last_start + self._slide, first_end) - 1
