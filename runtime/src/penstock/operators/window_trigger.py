"""What triggers, evictors and window functions reach of a window: time, timers, and state of one key and window. Used by `operators.window`."""

from typing import Any

from penstock.common.state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
)
from penstock.operators.contract import OperatorContext
from penstock.operators.runtime_context import RuntimeContext
from penstock.operators.state_access import open_state
from penstock.state.contract import MISSING
from penstock.windows.triggers import TriggerContext

_TRIGGER_PREFIX = "_trigger."
_MERGING = (ReducingStateDescriptor, AggregatingStateDescriptor, ListStateDescriptor)


class WindowHandles:
    """Handles on state of key and window, made once for each descriptor of an operator and then pointed to a window."""

    def __init__(self, ctx: OperatorContext, prefix: str) -> None:
        self._ctx = ctx
        self._prefix = prefix
        self._made: dict[str, Any] = {}

    def of(self, descriptor: StateDescriptor, namespace: Any) -> Any:
        """The handle, for that window until it is asked for again."""
        handle = self._made.get(descriptor.name)
        if handle is None:
            assert self._ctx.state is not None  # noqa: S101 - windows are keyed
            handle = open_state(self._ctx.state, descriptor, self._ctx.timers, prefix=self._prefix)
            self._made[descriptor.name] = handle
        handle.point_to(namespace)
        return handle


class WindowState:
    """State of one key and window, for functions."""

    def __init__(self, handles: WindowHandles, namespace: Any) -> None:
        self._handles = handles
        self._namespace = namespace

    def get_state(self, descriptor: StateDescriptor) -> Any:
        """A handle on the state of that descriptor."""
        return self._handles.of(descriptor, self._namespace)

    get_list_state = get_map_state = get_reducing_state = get_aggregating_state = get_state


class NoWindowState:
    """What a function gets where windows merge: state of a window that becomes part of another would be lost."""

    def get_state(self, descriptor: StateDescriptor) -> Any:
        """Refused."""
        raise RuntimeError(
            f"state {descriptor.name!r}: windows that merge have no state of their own. Use global_state(), which "
            "belongs to the key, or windows that do not merge"
        )

    get_list_state = get_map_state = get_reducing_state = get_aggregating_state = get_state


class WindowTriggerContext(TriggerContext):
    """One for all windows of an operator: `at` points it to one."""

    def __init__(self, ctx: OperatorContext, runtime: RuntimeContext) -> None:
        self._ctx = ctx
        self._runtime = runtime
        self._handles = WindowHandles(ctx, _TRIGGER_PREFIX)
        self._namespace: Any = None
        self._merged: list[Any] = []
        self.is_over = False
        """Batch mode, at the end of input: no more timers of the clock."""

    def at(self, namespace: Any, merged: list[Any] | None = None) -> "WindowTriggerContext":
        """This window from now on; `merged` are the namespaces of those that became it."""
        self._namespace = namespace
        self._merged = merged or []
        return self

    def get_current_processing_time(self) -> int:
        """Milliseconds since the epoch."""
        return self._ctx.timers.current_processing_time()

    def get_current_watermark(self) -> int:
        """The event time of the operator."""
        return self._ctx.timers.current_watermark()

    def get_metric_group(self) -> Any:
        """Metrics of the operator."""
        return self._runtime.get_metrics_group()

    def register_event_time_timer(self, time: int) -> None:
        """Call `on_event_time` then."""
        self._ctx.timers.register_event_timer(time, self._namespace)

    def register_processing_time_timer(self, time: int) -> None:
        """Call `on_processing_time` then."""
        if not self.is_over:
            self._ctx.timers.register_processing_timer(time, self._namespace)

    def delete_event_time_timer(self, time: int) -> None:
        """Forget that timer."""
        self._ctx.timers.delete_event_timer(time, self._namespace)

    def delete_processing_time_timer(self, time: int) -> None:
        """Forget that timer."""
        self._ctx.timers.delete_processing_timer(time, self._namespace)

    def get_partitioned_state(self, state_descriptor: StateDescriptor) -> Any:
        """State of this key and window."""
        return self._handles.of(state_descriptor, self._namespace)

    def merge_partitioned_state(self, state_descriptor: StateDescriptor) -> None:
        """Bring the state of the merged windows into this one's, and take it from them."""
        if not isinstance(state_descriptor, _MERGING):
            raise TypeError(
                f"state {state_descriptor.name!r} cannot be merged: a trigger of merging windows needs reducing, "
                "aggregating or list state"
            )
        assert self._ctx.state is not None  # noqa: S101 - windows are keyed
        table = self._ctx.state.table(_TRIGGER_PREFIX + state_descriptor.name)
        content: Any = table.get(self._namespace)
        for namespace in self._merged:
            held = table.get(namespace)
            if held is not MISSING:
                content = held if content is MISSING else _merged(state_descriptor, content, held)
                table.remove(namespace)
        if content is not MISSING:
            table.put(content, self._namespace)


def _merged(descriptor: StateDescriptor, first: Any, second: Any) -> Any:
    if isinstance(descriptor, ReducingStateDescriptor):
        return descriptor.reducer()(first, second)
    if isinstance(descriptor, AggregatingStateDescriptor):
        return descriptor.get_agg_function().merge(first, second)
    return [*first, *second]
