"""From a descriptor to a handle on keyed state. Used by the runtime context, by windows and triggers, and by the test kit."""

from collections.abc import Callable
from typing import Any

from penstock.common.state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
)
from penstock.common.typeinfo import BasicTypeInfo
from penstock.operators.contract import TimerService
from penstock.operators.keyed_states import (
    AggregatingState,
    HashMapValueState,
    ListState,
    MapState,
    PlainValueState,
    ReducingState,
    StateCell,
    ValueState,
)
from penstock.operators.state_lifetimes import Lifetime, LivingCell, LivingListState, LivingMapState
from penstock.state.contract import KeyedStateBackend, StateTable
from penstock.state.hashmap import HashMapBackend, HashMapTable


def open_state(
    backend: KeyedStateBackend,
    descriptor: StateDescriptor,
    clock: TimerService,
    namespace: Any = None,
    prefix: str = "",
) -> Any:
    """The handle on the state of that descriptor; StateIncompatible if what was restored is of another kind."""
    name = prefix + descriptor.name
    kind = descriptor.type_info
    backend.declare(name, _kind(descriptor), str(kind) if isinstance(kind, BasicTypeInfo) else "")
    table = backend.table(name)
    ttl = descriptor.ttl
    if ttl is None or not ttl.is_enabled():
        cell = StateCell(table, namespace)
        if _kind(descriptor) != "value":
            return _plain(cell, descriptor)
        is_of_key = namespace is None and not prefix
        if is_of_key and isinstance(backend, HashMapBackend) and isinstance(table, HashMapTable):
            return HashMapValueState(cell, table, backend)
        return PlainValueState(cell, table)
    return _living(table, Lifetime(ttl, clock, table), descriptor, namespace)


def _kind(descriptor: StateDescriptor) -> str:
    if isinstance(descriptor, ListStateDescriptor):
        return "list"
    if isinstance(descriptor, MapStateDescriptor):
        return "map"
    if isinstance(descriptor, ReducingStateDescriptor):
        return "reducing"
    return "aggregating" if isinstance(descriptor, AggregatingStateDescriptor) else "value"


def _plain(cell: StateCell, descriptor: StateDescriptor) -> Any:
    if isinstance(descriptor, ListStateDescriptor):
        return ListState(cell)
    if isinstance(descriptor, MapStateDescriptor):
        return MapState(cell)
    if isinstance(descriptor, ReducingStateDescriptor):
        return ReducingState(cell, descriptor.reducer())
    if isinstance(descriptor, AggregatingStateDescriptor):
        return AggregatingState(cell, descriptor.get_agg_function())
    return ValueState(cell)


def _living(table: StateTable, lifetime: Lifetime, descriptor: StateDescriptor, namespace: Any) -> Any:
    is_live = lifetime.is_live
    live: Callable[[Any], bool]
    if isinstance(descriptor, ListStateDescriptor):
        handle: Any = LivingListState(StateCell(table, namespace), lifetime)
        live = lambda stored: any(is_live(pair[0]) for pair in stored)  # noqa: E731 - one of three of a kind
    elif isinstance(descriptor, MapStateDescriptor):
        handle = LivingMapState(StateCell(table, namespace), lifetime)
        live = lambda stored: any(is_live(pair[0]) for pair in stored.values())  # noqa: E731
    else:
        handle = _plain(LivingCell(table, lifetime, namespace), descriptor)
        live = lambda stored: is_live(stored[0])  # noqa: E731
    table.drop_expired(live)
    return handle


def sweep_of(descriptor: StateDescriptor, table: StateTable) -> Callable[[int], Any] | None:
    """What to call with the number of records handled, if the descriptor wants cleanup by records."""
    ttl = descriptor.ttl
    if ttl is None or not ttl.is_enabled():
        return None
    strategy = ttl.get_cleanup_strategies().get_incremental_cleanup_strategy()
    if strategy is None or not strategy.run_cleanup_for_every_record():
        return None
    size = strategy.get_cleanup_size()
    return lambda records: table.sweep(size * records)
