"""Process functions: any results, side outputs, time; on keyed streams state and timers; one input or two.

Keyed or not, one input or two: the same operator, which knows its function's methods.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from penstock.operators.base import PassiveOperator
from penstock.operators.batch_mode import fire_processing_timers, hold_processing_timers
from penstock.operators.collector import Collector
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, OperatorContext, is_batch_job
from penstock.operators.contract import TimerService as Timers
from penstock.operators.runtime_context import RuntimeContext
from penstock.state.contract import KeyedStateBackend
from penstock.state.hashmap import HashMapBackend


class TimeDomain(Enum):
    """Which clock a timer follows."""

    EVENT_TIME = 0
    PROCESSING_TIME = 1


class TimerService:
    """Time and timers of the current key."""

    __slots__ = ("_state", "_timers", "is_over")

    def __init__(self, timers: Timers, state: KeyedStateBackend | None) -> None:
        self._timers = timers
        self._state = state
        self.is_over = False
        """Batch mode, at the end of input: no more timers of the clock."""

    def current_processing_time(self) -> int:
        """Milliseconds since the epoch."""
        return self._timers.current_processing_time()

    def current_watermark(self) -> int:
        """The event time of the operator."""
        return self._timers.current_watermark()

    def register_event_time_timer(self, timestamp: int) -> None:
        """Call `on_timer` when event time reaches it."""
        self._keyed().register_event_timer(timestamp if type(timestamp) is int else int(timestamp))

    def register_processing_time_timer(self, timestamp: int) -> None:
        """Call `on_timer` at that time."""
        if not self.is_over:
            self._keyed().register_processing_timer(timestamp if type(timestamp) is int else int(timestamp))

    def delete_event_time_timer(self, timestamp: int) -> None:
        """Forget that timer."""
        self._keyed().delete_event_timer(timestamp if type(timestamp) is int else int(timestamp))

    def delete_processing_time_timer(self, timestamp: int) -> None:
        """Forget that timer."""
        self._keyed().delete_processing_timer(timestamp if type(timestamp) is int else int(timestamp))

    def _keyed(self) -> Timers:
        if self._state is None:
            raise RuntimeError(
                "Setting timers is only supported on a keyed stream: put key_by(...) before it"
            )
        return self._timers


class ProcessContext:
    """What a process function is given with a record."""

    __slots__ = ("_now", "_service", "_state")

    def __init__(self, service: TimerService, state: KeyedStateBackend | None) -> None:
        self._now = MIN_TIMESTAMP
        self._service = service
        self._state = state

    def timestamp(self) -> int:
        """The record's event time; the smallest number without one."""
        return self._now

    def timer_service(self) -> TimerService:
        """Time and timers."""
        return self._service

    def _at(self, timestamp: int) -> None:
        self._now = timestamp


class KeyedProcessContext(ProcessContext):
    """The same with a key."""

    __slots__ = ()

    def get_current_key(self) -> Any:
        """The key of the record or timer."""
        return self._state.current_key if self._state is not None else None


class OnTimerContext(KeyedProcessContext):
    """What `on_timer` is given."""

    __slots__ = ("_domain",)
    _domain: TimeDomain

    def time_domain(self) -> TimeDomain:
        """Which clock the timer followed."""
        return self._domain


class KeyedTimerService(TimerService):
    """The same on a keyed stream: nothing to ask before an event timer is set."""

    __slots__ = ()

    def register_event_time_timer(self, timestamp: int) -> None:
        """Call `on_timer` when event time reaches it."""
        self._timers.register_event_timer(timestamp if type(timestamp) is int else int(timestamp))


@dataclass(frozen=True, slots=True)
class ProcessFactory:
    """Makes a ProcessOperator; `methods` are the names of the method for each input."""

    function: Any
    methods: tuple[str, ...] = ("process_element",)

    def __call__(self) -> "ProcessOperator":
        """A new operator."""
        return ProcessOperator(self.function, self.methods)


class ProcessOperator(PassiveOperator):
    """Runs a process function."""

    def __init__(self, function: Any, methods: tuple[str, ...]) -> None:
        self._function = function
        self._calls: list[Callable[[Any, Any], Any]] = [getattr(function, name) for name in methods]

    def open(self, ctx: OperatorContext) -> None:
        """Open the function."""
        self.ctx = ctx
        make = TimerService if ctx.state is None else KeyedTimerService
        service = self._service = make(ctx.timers, ctx.state)
        self._is_batch = is_batch_job(ctx.configuration)
        if self._is_batch:
            hold_processing_timers(ctx)
        self._fired = Collector()
        """Results of event timers, until the watermark that fired them goes on."""
        self._context = KeyedProcessContext(service, ctx.state)
        self._on_timer = OnTimerContext(service, ctx.state)
        runtime = RuntimeContext(ctx)
        if hasattr(self._function, "open"):
            self._function.open(runtime)
        self._sweeps = list(runtime.sweeps.values())

    def process(self, batch: Batch, input_index: int) -> None:
        """Call the function for each record."""
        collector = Collector()
        state = self.ctx.state
        keyed = None
        if isinstance(state, HashMapBackend):
            keyed = _keys_and_groups(state, self.ctx.key_selectors[input_index], batch.values)
        if keyed is not None and isinstance(state, HashMapBackend):
            self._call_quickly(batch, input_index, state, keyed, collector)
        else:
            self._call_each(batch, input_index, collector)
        for sweep in self._sweeps:
            sweep(len(batch))
        collector.flush(self.ctx.output)

    def _call_each(self, batch: Batch, input_index: int, collector: Collector) -> None:
        """For any backend, or none: key by key."""
        call, context, take = self._calls[input_index], self._context, collector.take
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        state = self.ctx.state
        key_of = self.ctx.key_selectors[input_index] if state is not None else None
        set_key = state.set_current_key if state is not None else None
        for value, timestamp in zip(batch.values, times, strict=True):
            if set_key is not None and key_of is not None:
                set_key(key_of(value))
            context._now = timestamp  # noqa: SLF001 - the operator moves its own context
            take(call(value, context), timestamp)

    def _call_quickly(
        self,
        batch: Batch,
        input_index: int,
        state: HashMapBackend,
        keyed: tuple[list[Any], list[int]],
        collector: Collector,
    ) -> None:
        """The same where keys and their groups are known for the whole batch."""
        call, context, take = self._calls[input_index], self._context, collector.take
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        for value, timestamp, key, group in zip(batch.values, times, *keyed, strict=True):
            state.current_key = key
            state.group = group
            context._now = timestamp  # noqa: SLF001 - the operator moves its own context
            results = call(value, context)
            if results is not None:
                take(results, timestamp)

    def on_watermark(self, timestamp: int) -> None:
        """Results of the timers that it fired go before it. Batch mode: timers of the clock fire at the end of input."""
        self._fired.flush(self.ctx.output)
        if self._is_batch and timestamp == MAX_WATERMARK:
            self._service.is_over = True
            fire_processing_timers(self.ctx, self)
        self.ctx.output.emit_watermark(timestamp)

    def on_event_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Call `on_timer`; results carry the timer's time, and go on with the watermark."""
        context = self._on_timer
        context._now, context._domain = timestamp, TimeDomain.EVENT_TIME  # noqa: SLF001 - the operator moves its own context
        results = self._function.on_timer(timestamp, context)
        if results is not None:
            self._fired.take(results, timestamp)

    def on_processing_timer(self, timestamp: int, key: Any, namespace: Any) -> None:
        """Call `on_timer`; results have no event time."""
        collector = Collector()
        context = self._on_timer
        context._now, context._domain = timestamp, TimeDomain.PROCESSING_TIME  # noqa: SLF001 - the operator moves its own context
        collector.take(self._function.on_timer(timestamp, context), MIN_TIMESTAMP)
        collector.flush(self.ctx.output)

    def close(self) -> None:
        """Close the function."""
        if hasattr(self._function, "close"):
            self._function.close()


def _keys_and_groups(
    state: HashMapBackend, key_of: Callable[[Any], Any], values: list[Any]
) -> tuple[list[Any], list[int]] | None:
    """The key of each record and its group; None where one has none: going key by key shows which it is."""
    try:
        keys = list(map(key_of, values))
        return keys, state.groups_of(keys)
    except Exception:  # noqa: BLE001 - raised again at its record
        return None
