"""Windows on a keyed stream: assigns records, keeps contents, asks the trigger, gives results, drops late records.

Content of (key, window) is one entry of the keyed table `_window` with the window as namespace; timers likewise, so both
move with their key group. Where windows merge, the key's windows are kept in `_windows` too. A window's state lives until
event time passes its end plus the allowed lateness.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.operators.aligned_windows import AlignedContext, SlidingLoop, TumblingLoop
from penstock.operators.base import PassiveOperator
from penstock.operators.batch_mode import fire_processing_timers, hold_processing_timers
from penstock.operators.collector import Collector
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, OperatorContext, is_batch_job
from penstock.operators.runtime_context import RuntimeContext
from penstock.operators.window_content import Content, Emission, WindowContext
from penstock.operators.window_merging import Merge, plan_merges
from penstock.operators.window_trigger import NoWindowState, WindowHandles, WindowState, WindowTriggerContext
from penstock.state.contract import MISSING
from penstock.state.hashmap import HashMapBackend, HashMapTable
from penstock.windows.assigners import (
    MergingWindowAssigner,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WindowAssigner,
)
from penstock.windows.evictors import Evictor, TimestampedValue
from penstock.windows.triggers import EventTimeTrigger, Trigger, TriggerResult
from penstock.windows.window import MAX_TIMESTAMP, namespace_of, window_of


@dataclass(frozen=True, slots=True)
class WindowFactory:
    """Makes a WindowOperator; travels to slots."""

    assigner: WindowAssigner
    trigger: Trigger
    content: Content
    emission: Emission = field(default_factory=Emission)
    lateness_ms: int = 0
    late_tag: str | None = None
    evictor: Evictor | None = None

    def __call__(self) -> "WindowOperator":
        """A new operator."""
        return WindowOperator(self)


class WindowOperator(PassiveOperator):
    """Runs windows."""

    def __init__(self, spec: WindowFactory) -> None:
        self._spec = spec
        self._merging = spec.assigner if isinstance(spec.assigner, MergingWindowAssigner) else None
        self._is_event_time = spec.assigner.is_event_time()
        self._fires_at_end = type(spec.trigger) is EventTimeTrigger and self._merging is None
        self._keeps_records = spec.evictor is not None

    def open(self, ctx: OperatorContext) -> None:
        """Open the functions and the tables."""
        self.ctx = ctx
        if ctx.state is None:
            raise RuntimeError(f"{ctx.operator_name!r} needs keyed state")
        self._state = ctx.state
        self._key_of = ctx.key_selectors[0]
        self._table = ctx.state.table("_window")
        self._windows = ctx.state.table("_windows")
        content = Content() if self._keeps_records else self._spec.content
        self._add: Callable[[Any, Any], Any] = content.adder()
        self._stored = content
        self._runtime = RuntimeContext(ctx)
        self._trigger_ctx = WindowTriggerContext(ctx, self._runtime)
        self._function_state = WindowHandles(ctx, "_window.")
        self._late = ctx.metrics.counter("numLateRecordsDropped")
        self._is_batch = is_batch_job(ctx.configuration)
        if self._is_batch:
            hold_processing_timers(ctx)
        for function in self._functions():
            function.open(self._runtime)
        self._fired = Collector()
        """Results of event timers, until the watermark that fired them goes on."""
        self._quick = self._quick_way()

    def _quick_way(self) -> TumblingLoop | None:
        """The quick way, where the program asks for nothing that it cannot do."""
        spec = self._spec
        is_plain = self._fires_at_end and not self._keeps_records and spec.lateness_ms == 0
        if type(self) is not WindowOperator or not is_plain:
            return None  # one that adds to it takes the slow way
        assigner = spec.assigner
        if type(assigner) is not TumblingEventTimeWindows and type(assigner) is not SlidingEventTimeWindows:
            return None
        if not (isinstance(self._state, HashMapBackend) and isinstance(self._table, HashMapTable)):
            return None
        window = AlignedContext(self._function_state, self._runtime, self.ctx.timers)
        parts = (self._state, self._table, assigner, spec.content, spec.emission, self, window)
        if type(assigner) is SlidingEventTimeWindows:
            return SlidingLoop(assigner.slide_ms, *parts)
        return TumblingLoop(*parts)

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
        if self._quick is not None and self._quick.can_run and batch.timestamps is not None:
            self._process_quickly(self._quick, batch.values, batch.timestamps)
            return
        collector = Collector()
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        assign, set_key, key_of = (
            self._spec.assigner.assign_windows,
            self._state.set_current_key,
            self._key_of,
        )
        take = self._take if self._merging is None else self._take_merging
        for value, timestamp in zip(batch.values, times, strict=True):
            set_key(key_of(value))
            taken = False
            for window in assign(value, timestamp, self):
                taken = take(value, timestamp, window, collector) or taken
            if not taken:
                self._drop(value, timestamp, collector)
        collector.flush(self.ctx.output)

    def _process_quickly(self, quick: TumblingLoop, values: list[Any], times: list[int]) -> None:
        late = quick.add(list(map(self._key_of, values)), values, times, self.ctx.timers.current_watermark())
        if late:
            collector = Collector()
            for value, timestamp in late:
                self._drop(value, timestamp, collector)
            collector.flush(self.ctx.output)

    def _drop(self, value: Any, timestamp: int, collector: Collector) -> None:
        """A record that no window took; it is late unless its assigner gave it no window."""
        watermark = self.ctx.timers.current_watermark()
        if not self._is_event_time or timestamp + self._spec.lateness_ms > watermark:
            return
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
        if not self._put(value, timestamp, namespace):
            self._clean_later(window, namespace)
        elif self._fires_at_end and window.max_timestamp() > self.ctx.timers.current_watermark():
            return True  # the timer of its end is set already
        self._ask(value, timestamp, window, namespace, collector)
        return True

    def _put(self, value: Any, timestamp: int, namespace: Any) -> bool:
        """Add a record to a window; True if the window held something before."""
        held = self._table.for_update(namespace)
        if self._keeps_records:
            value = TimestampedValue(value, timestamp)
        self._table.put(self._add(held, value), namespace)
        return held is not MISSING

    def _ask(self, value: Any, timestamp: int, window: Any, namespace: Any, collector: Collector) -> None:
        context = self._trigger_ctx.at(namespace)
        result = self._spec.trigger.on_element(value, timestamp, window, context)
        self._act(result, window, namespace, collector)

    def _clean_later(self, window: Any, namespace: Any) -> None:
        end = self._end_of(window)
        if end == MAX_TIMESTAMP:
            return
        if self._is_event_time:
            self.ctx.timers.register_event_timer(end, namespace)
        else:
            self.ctx.timers.register_processing_timer(end, namespace)

    # -------------------------------------------------------------------------------------- windows that merge

    def _active(self) -> list[Any]:
        known = self._windows.get()
        return [window_of(_plain(namespace)) for namespace in known] if known is not MISSING else []

    def _remember(self, windows: list[Any]) -> None:
        if windows:
            self._windows.put([namespace_of(window) for window in windows])
        else:
            self._windows.remove()

    def _take_merging(self, value: Any, timestamp: int, window: Any, collector: Collector) -> bool:
        assert self._merging is not None  # noqa: S101 - only then is this called
        active = self._active()
        target, merges = plan_merges(self._merging, active, window)
        if self._is_over(target):
            return False
        if merges or target not in active:
            gone = {member for merge in merges for member in merge.absorbed}
            left = [other for other in active if other not in gone]
            made = dict.fromkeys([*(merge.result for merge in merges), target])
            self._remember([*left, *(one for one in made if one not in left)])
        for merge in merges:
            self._merge(merge)
        namespace = namespace_of(target)
        self._put(value, timestamp, namespace)
        self._ask(value, timestamp, target, namespace, collector)
        self._clean_later(target, namespace)
        return True

    def _merge(self, merge: Merge) -> None:
        """Several windows become one: contents, trigger state and timers move to it."""
        if self._is_event_time and self._end_of(merge.result) <= self.ctx.timers.current_watermark():
            raise RuntimeError(
                f"windows {merge.absorbed} cannot become {merge.result}: its end is before the watermark "
                f"{self.ctx.timers.current_watermark()}, so its result would never be given"
            )
        namespace = namespace_of(merge.result)
        content: Any = MISSING
        for member in merge.absorbed:
            content = self._stored.merge(content, self._table.get(namespace_of(member)))
        old = [member for member in merge.absorbed if member != merge.result]
        merged = [namespace_of(member) for member in old]
        self._spec.trigger.on_merge(merge.result, self._trigger_ctx.at(namespace, merged))
        for member in old:
            self._forget(member, namespace_of(member))
        if content is not MISSING:
            self._table.put(content, namespace)
        self._clean_later(merge.result, namespace)

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
        if result is TriggerResult.CONTINUE:
            return
        if result.is_fire():
            held = self._table.get(namespace)
            if held is not MISSING:
                self._fire(held, window, namespace, collector)
        if result.is_purge():
            self._table.remove(namespace)

    def _fire(self, held: Any, window: Any, namespace: Any, collector: Collector) -> None:
        evictor = self._spec.evictor
        context = self._context(window, namespace)
        if evictor is None:
            results = self._spec.emission.results(
                context, self._state.current_key, self._stored.elements(held)
            )
            collector.take(results, window.max_timestamp())
            return
        kept = list(held)
        evictor.evict_before(kept, len(kept), window, self._trigger_ctx)
        elements = self._spec.content.fold([element.value for element in kept])
        results = self._spec.emission.results(context, self._state.current_key, elements)
        collector.take(results, window.max_timestamp())
        evictor.evict_after(kept, len(kept), window, self._trigger_ctx)
        if kept:
            self._table.put(kept, namespace)
        else:
            self._table.remove(namespace)

    def _context(self, window: Any, namespace: Any) -> WindowContext:
        state = NoWindowState() if self._merging is not None else WindowState(self._function_state, namespace)
        return WindowContext(window, self._state.current_key, self._runtime, state, self.ctx.timers)

    def on_watermark(self, timestamp: int) -> None:
        """Results of the windows that it ended go before it. Batch mode: windows of the clock end with the input."""
        self._fired.flush(self.ctx.output)
        if self._is_batch and timestamp == MAX_WATERMARK:
            self._trigger_ctx.is_over = True
            fire_processing_timers(self.ctx, self)
        self.ctx.output.emit_watermark(timestamp)

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Ask the trigger; at the window's very end forget it. Results go on with the watermark."""
        if self._quick is not None and self._quick.can_run:
            self._quick.fire(key, namespace, self._fired)
            return
        ask = self._spec.trigger.on_event_time
        self._on_timer(timestamp, namespace, ask, self._is_event_time, self._fired)

    def on_processing_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Ask the trigger; at the window's very end forget it."""
        collector = Collector()
        ask = self._spec.trigger.on_processing_time
        self._on_timer(timestamp, namespace, ask, not self._is_event_time, collector)
        collector.flush(self.ctx.output)

    def _on_timer(
        self,
        timestamp: int,
        namespace: Any,
        ask: Callable[..., TriggerResult],
        may_end: bool,
        collector: Collector,
    ) -> None:
        namespace = _plain(namespace)
        window = window_of(namespace)
        if self._merging is not None and window not in self._active():
            return  # it has become part of another, which has timers of its own
        result = ask(timestamp, window, self._trigger_ctx.at(namespace))
        self._act(result, window, namespace, collector)
        if may_end and timestamp == self._end_of(window):
            self._end(window, namespace)

    def _end(self, window: Any, namespace: Any) -> None:
        self._spec.emission.clear(self._context(window, namespace))
        self._forget(window, namespace)
        if self._merging is not None:
            self._remember([other for other in self._active() if other != window])

    def close(self) -> None:
        """Close the functions."""
        for function in self._functions():
            function.close()


def _plain(namespace: Any) -> Any:
    """A namespace as it was given: some backends bring tuples back as lists."""
    return tuple(namespace) if type(namespace) is list else namespace
