"""A stream beside a broadcast stream: every subtask holds the same broadcast state.

Every subtask stores the state; a restored subtask takes the first stored copy, since all are equal.
"""
# ruff: noqa: SLF001 - the operator moves its own contexts

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

from penstock.operators.collector import Collector
from penstock.operators.contract import MAX_WATERMARK, MIN_TIMESTAMP, Batch, OperatorContext, OperatorSnapshot
from penstock.operators.process import KeyedProcessContext, OnTimerContext, ProcessOperator
from penstock.state.codec import dump_state, load_state

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)


class BroadcastState(Generic[K, V]):
    """A map that every subtask holds; a read-only view refuses changes."""

    def __init__(self, held: dict[Any, Any], is_writable: bool) -> None:
        self._held = held
        self._is_writable = is_writable

    def get(self, key: Any) -> Any:
        """The value at the key; None if there is none."""
        return self._held.get(key)

    def contains(self, key: Any) -> bool:
        """Whether there is an entry."""
        return key in self._held

    def items(self) -> Iterable[tuple[Any, Any]]:
        """The entries."""
        return list(self._held.items())

    def keys(self) -> Iterable[Any]:
        """The keys."""
        return list(self._held)

    def values(self) -> Iterable[Any]:
        """The values."""
        return list(self._held.values())

    def is_empty(self) -> bool:
        """Whether there are no entries."""
        return not self._held

    def put(self, key: Any, value: Any) -> None:
        """Set an entry."""
        self._writable()[key] = value

    def put_all(self, dict_value: dict[Any, Any]) -> None:
        """Set these entries."""
        self._writable().update(dict_value)

    def remove(self, key: Any) -> None:
        """Remove an entry."""
        self._writable().pop(key, None)

    def clear(self) -> None:
        """Remove all entries."""
        self._writable().clear()

    __getitem__ = get
    __setitem__ = put
    __contains__ = contains

    def _writable(self) -> dict[Any, Any]:
        if not self._is_writable:
            raise RuntimeError(
                "broadcast state is read-only here: change it in process_broadcast_element, "
                "which sees the same records in every subtask"
            )
        return self._held


class BroadcastContext(KeyedProcessContext):
    """What a broadcast process function is given; read-only beside the stream, writable beside the broadcast."""

    _states: dict[str, dict[Any, Any]]
    _is_writable: bool

    def _reach(self, states: dict[str, dict[Any, Any]], is_writable: bool) -> None:
        self._states = states
        self._is_writable = is_writable

    def get_broadcast_state(self, state_descriptor: Any) -> BroadcastState:
        """The state of that descriptor, which must be one of the broadcast stream's."""
        held = self._states.get(state_descriptor.name)
        if held is None:
            raise ValueError(
                f"no broadcast state {state_descriptor.name!r}: name its descriptor in broadcast(...)"
            )
        return BroadcastState(held, self._is_writable)

    def current_processing_time(self) -> int:
        """Milliseconds since the epoch."""
        return self.timer_service().current_processing_time()

    def current_watermark(self) -> int:
        """The event time of the operator."""
        return self.timer_service().current_watermark()


class BroadcastTimerContext(BroadcastContext, OnTimerContext):
    """The same for a timer."""


@dataclass(frozen=True, slots=True)
class BroadcastFactory:
    """Makes a BroadcastOperator for the states of these names."""

    function: Any
    states: tuple[str, ...]

    def __call__(self) -> "BroadcastOperator":
        """A new operator."""
        return BroadcastOperator(self.function, self.states)


class BroadcastOperator(ProcessOperator):
    """Runs a (Keyed)BroadcastProcessFunction: input 0 is the stream, input 1 the broadcast."""

    def __init__(self, function: Any, states: tuple[str, ...]) -> None:
        super().__init__(function, ("process_element", "process_broadcast_element"))
        self._states: dict[str, dict[Any, Any]] = {name: {} for name in states}

    def open(self, ctx: OperatorContext) -> None:
        """Restore the states, open the function."""
        super().open(ctx)
        stored = list(ctx.restored.union) or list(ctx.restored.operator) if ctx.restored is not None else []
        if stored:
            self._states.update(load_state(stored[0], f"operator {ctx.operator_name!r}"))
        self._held: list[Batch] = []
        """Batch mode: the stream, until the broadcast has ended."""
        service = self._service
        reading, writing = BroadcastContext(service, ctx.state), BroadcastContext(service, ctx.state)
        reading._reach(self._states, is_writable=False)
        writing._reach(self._states, is_writable=True)
        timer = BroadcastTimerContext(service, ctx.state)
        timer._reach(self._states, is_writable=False)
        self._context, self._writing, self._on_timer = reading, writing, timer

    def process(self, batch: Batch, input_index: int) -> None:
        """The stream as any process function; the broadcast without a key."""
        if input_index == 1:
            self._process_broadcast(batch)
        elif self._is_batch:
            self._held.append(batch)
        else:
            super().process(batch, 0)

    def on_watermark(self, timestamp: int) -> None:
        """Batch mode: now that the broadcast is whole, the stream; then its timers."""
        if timestamp == MAX_WATERMARK and self._held:
            held, self._held = self._held, []
            for batch in held:
                super().process(batch, 0)
            advance = getattr(self.ctx.timers, "advance", None)
            if advance is not None:
                advance(timestamp)
        super().on_watermark(timestamp)

    def _process_broadcast(self, batch: Batch) -> None:
        collector = Collector()
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        for value, timestamp in zip(batch.values, times, strict=True):
            self._writing._at(timestamp)
            collector.take(self._calls[1](value, self._writing), timestamp)
        collector.flush(self.ctx.output)

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        """The states; equal in every subtask."""
        return OperatorSnapshot(operator=dump_state(self._states))
