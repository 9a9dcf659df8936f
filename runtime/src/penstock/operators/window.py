"""Windows on a keyed stream: assigns records, keeps contents, asks the trigger, gives results, drops late records.

Content of (key, window) is one entry of the keyed table `_window` with the window as namespace; timers likewise, so both
move with their key group. Sessions also keep the key's windows in `_windows`. A window's state lives until event time
passes its end plus the allowed lateness.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.common.state_descriptors import StateDescriptor
from penstock.operators.base import PassiveOperator
from penstock.operators.collector import Collector
from penstock.operators.contract import MIN_TIMESTAMP, Batch, OperatorContext
from penstock.operators.keyed_states import state_handle
from penstock.operators.runtime_context import RuntimeContext
from penstock.operators.window_content import Content, Emission, WindowContext
from penstock.state.contract import MISSING
from penstock.windows.assigners import MergingWindowAssigner, WindowAssigner
from penstock.windows.triggers import EventTimeTrigger, Trigger, TriggerContext, TriggerResult
from penstock.windows.window import MAX_TIMESTAMP, TimeWindow, namespace_of, window_of


@dataclass(frozen=True, slots=True)
class WindowFactory:
    """Makes a WindowOperator; travels to slots."""

    assigner: WindowAssigner
    trigger: Trigger
    content: Content
    emission: Emission = field(default_factory=Emission)
    lateness_ms: int = 0
    late_tag: str | None = None

    def __call__(self) -> "WindowOperator":
        """A new operator."""
        return WindowOperator(self)


class WindowOperator(PassiveOperator):
    """Runs windows."""

    def __init__(self, spec: WindowFactory) -> None:
        self._spec = spec
        self._is_merging = isinstance(spec.assigner, MergingWindowAssigner)
        self._is_event_time = spec.assigner.is_event_time()
        self._fires_at_end = type(spec.trigger) is EventTimeTrigger and not self._is_merging

    def open(self, ctx: OperatorContext) -> None:
        """Open the functions and the tables."""
        self.ctx = ctx
        if ctx.state is None:
            raise RuntimeError(f"{ctx.operator_name!r} needs keyed state")
        self._state = ctx.state
        self._key_of = ctx.key_selectors[0]
        self._table = ctx.state.table("_window")
        self._sessions = ctx.state.table("_windows")
        self._add: Callable[[Any, Any], Any] = self._spec.content.adder()
        self._runtime = RuntimeContext(ctx)
        self._trigger_ctx = _TriggerContext(ctx)
        self._late = ctx.metrics.counter("numLateRecordsDropped")
        for function in self._functions():
            function.open(self._runtime)

    def _functions(self) -> list[Any]:
        own = [self._spec.emission.function] if hasattr(self._spec.emission.function, "open") else []
        return [*self._spec.content.functions(), *own]

    def get_current_processing_time(self) -> int:
        """For the assigner: milliseconds since the epoch."""
        return self.ctx.timers.current_processing_time()

    def get_runtime_context(self) -> RuntimeContext:
        """For the assigner: keyed state."""
        return self._runtime

    # ------------------------------------------------------------------------------------------------- records

    def process(self, batch: Batch, input_index: int) -> None:
        """Put each record into its windows; those that are over take no more."""
        collector = Collector()
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        assign, set_key, key_of = (
            self._spec.assigner.assign_windows,
            self._state.set_current_key,
            self._key_of,
        )
        take = self._take_merging if self._is_merging else self._take
        for value, timestamp in zip(batch.values, times, strict=True):
            set_key(key_of(value))
            taken = False
            for window in assign(value, timestamp, self):
                taken = take(value, timestamp, window, collector) or taken
            if not taken:
                self._drop(value, timestamp, collector)
        collector.flush(self.ctx.output)

    def _drop(self, value: Any, timestamp: int, collector: Collector) -> None:
        if self._spec.late_tag is not None:
            collector.take_side(self._spec.late_tag, value, timestamp)
        else:
            self._late(1)

    def _end_of(self, window: Any) -> int:
        """When the window's state may go."""
        end: int = window.max_timestamp()
        if not self._is_event_time:
            return end
        return min(end + self._spec.lateness_ms, MAX_TIMESTAMP)

    def _is_over(self, window: Any) -> bool:
        return self._is_event_time and self._end_of(window) <= self.ctx.timers.current_watermark()

    def _take(self, value: Any, timestamp: int, window: Any, collector: Collector) -> bool:
        if self._is_over(window):
            return False
        namespace = namespace_of(window)
        held = self._table.for_update(namespace)
        self._table.put(self._add(held, value), namespace)
        if held is MISSING:
            self._clean_later(window, namespace)
        elif self._fires_at_end and window.max_timestamp() > self.ctx.timers.current_watermark():
            return True  # the timer of its end is set already
        self._ask(value, timestamp, window, namespace, collector)
        return True

    def _ask(self, value: Any, timestamp: int, window: Any, namespace: Any, collector: Collector) -> None:
        context = self._trigger_ctx.at(namespace)
        self._act(
            self._spec.trigger.on_element(value, timestamp, window, context), window, namespace, collector
        )

    def _clean_later(self, window: Any, namespace: Any) -> None:
        end = self._end_of(window)
        if end == MAX_TIMESTAMP:
            return
        if self._is_event_time:
            self.ctx.timers.register_event_timer(end, namespace)
        else:
            self.ctx.timers.register_processing_timer(end, namespace)

    # ------------------------------------------------------------------------------------------------ sessions

    def _take_merging(self, value: Any, timestamp: int, window: TimeWindow, collector: Collector) -> bool:
        known = self._sessions.get()
        active = [TimeWindow(*pair) for pair in known] if known is not MISSING else []
        touching = [other for other in active if other.intersects(window)]
        merged = window
        for other in touching:
            merged = merged.cover(other)
        if self._is_over(merged):
            return False
        namespace = namespace_of(merged)
        if touching != [merged]:
            self._merge(merged, touching, active)
        held = self._table.for_update(namespace)
        self._table.put(self._add(held, value), namespace)
        self._ask(value, timestamp, merged, namespace, collector)
        return True

    def _merge(self, merged: TimeWindow, touching: list[TimeWindow], active: list[TimeWindow]) -> None:
        """Several sessions become one: contents, trigger state and timers move to it."""
        content: Any = MISSING
        namespace = namespace_of(merged)
        old = [other for other in touching if other != merged]
        for other in touching:
            held = self._table.get(namespace_of(other))
            content = self._spec.content.merge(content, held)
        remaining = [other for other in active if other not in touching]
        self._sessions.put([(w.start, w.end) for w in [*remaining, merged]])
        if touching:
            self._spec.trigger.on_merge(
                merged, self._trigger_ctx.at(namespace, [namespace_of(w) for w in old])
            )
        for other in old:
            self._forget(other, namespace_of(other))
        if content is not MISSING:
            self._table.put(content, namespace)
        self._clean_later(merged, namespace)

    def _forget(self, window: Any, namespace: Any) -> None:
        self._spec.trigger.clear(window, self._trigger_ctx.at(namespace))
        self._table.remove(namespace)
        end = self._end_of(window)
        if self._is_event_time:
            self.ctx.timers.delete_event_timer(end, namespace)
        else:
            self.ctx.timers.delete_processing_timer(end, namespace)

    # ------------------------------------------------------------------------------------------------- results

    def _act(self, result: TriggerResult, window: Any, namespace: Any, collector: Collector) -> None:
        if result.is_fire():
            held = self._table.get(namespace)
            if held is not MISSING:
                elements = self._spec.content.elements(held)
                results = self._spec.emission.results(
                    self._context(window, namespace), self._state.current_key, elements
                )
                collector.take(results, window.max_timestamp())
        if result.is_purge():
            self._table.remove(namespace)

    def _context(self, window: Any, namespace: Any) -> WindowContext:
        return WindowContext(
            window, self._state.current_key, self._runtime, _WindowState(self.ctx, namespace), self.ctx.timers
        )

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Ask the trigger; at the window's very end forget it."""
        window = window_of(namespace)
        collector = Collector()
        if self._table.get(namespace) is not MISSING:
            result = self._spec.trigger.on_event_time(timestamp, window, self._trigger_ctx.at(namespace))
            self._act(result, window, namespace, collector)
        if self._is_event_time and timestamp == self._end_of(window):
            self._end(window, namespace)
        collector.flush(self.ctx.output)

    def on_processing_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Ask the trigger; at the window's very end forget it."""
        window = window_of(namespace)
        collector = Collector()
        if self._table.get(namespace) is not MISSING:
            result = self._spec.trigger.on_processing_time(timestamp, window, self._trigger_ctx.at(namespace))
            self._act(result, window, namespace, collector)
        if not self._is_event_time and timestamp == self._end_of(window):
            self._end(window, namespace)
        collector.flush(self.ctx.output)

    def _end(self, window: Any, namespace: Any) -> None:
        self._spec.emission.clear(self._context(window, namespace))
        self._forget(window, namespace)
        if self._is_merging:
            known = self._sessions.get()
            left = [pair for pair in known if tuple(pair) != namespace] if known is not MISSING else []
            if left:
                self._sessions.put(left)
            else:
                self._sessions.remove()

    def close(self) -> None:
        """Close the functions."""
        for function in self._functions():
            function.close()


class _WindowState:
    """State of one key and window, for functions and triggers."""

    def __init__(self, ctx: OperatorContext, namespace: Any, prefix: str = "_window.") -> None:
        self._ctx = ctx
        self._namespace = namespace
        self._prefix = prefix

    def get_state(self, descriptor: StateDescriptor) -> Any:
        """A handle on the state of that descriptor."""
        assert self._ctx.state is not None  # noqa: S101 - windows are keyed
        table = self._ctx.state.table(self._prefix + descriptor.name)
        return state_handle(table, descriptor, self._ctx.timers, self._namespace)

    get_list_state = get_map_state = get_reducing_state = get_aggregating_state = get_state


class _TriggerContext(TriggerContext):
    """One for all windows: `at` points it to one."""

    def __init__(self, ctx: OperatorContext) -> None:
        self._ctx = ctx
        self._namespace: Any = None
        self._merged: list[Any] = []

    def at(self, namespace: Any, merged: list[Any] | None = None) -> "_TriggerContext":
        self._namespace = namespace
        self._merged = merged or []
        return self

    def get_current_processing_time(self) -> int:
        return self._ctx.timers.current_processing_time()

    def get_current_watermark(self) -> int:
        return self._ctx.timers.current_watermark()

    def register_event_time_timer(self, time: int) -> None:
        self._ctx.timers.register_event_timer(time, self._namespace)

    def register_processing_time_timer(self, time: int) -> None:
        self._ctx.timers.register_processing_timer(time, self._namespace)

    def delete_event_time_timer(self, time: int) -> None:
        self._ctx.timers.delete_event_timer(time, self._namespace)

    def delete_processing_time_timer(self, time: int) -> None:
        self._ctx.timers.delete_processing_timer(time, self._namespace)

    def get_partitioned_state(self, state_descriptor: StateDescriptor) -> Any:
        return _WindowState(self._ctx, self._namespace, "_trigger.").get_state(state_descriptor)

    def merge_partitioned_state(self, state_descriptor: StateDescriptor) -> None:
        target = self.get_partitioned_state(state_descriptor)
        for namespace in self._merged:
            held = _WindowState(self._ctx, namespace, "_trigger.").get_state(state_descriptor).get()
            if held is not None:
                target.add(held)
