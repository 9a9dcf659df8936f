"""Keyed and broadcast state, in PyFlink's place."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic

from typing_extensions import TypeVar

from penstock.common.state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from penstock.operators.broadcast import BroadcastContext, BroadcastState
from penstock.operators.keyed_states import (
    AggregatingState,
    ListState,
    MapState,
    ReducingState,
    State,
    ValueState,
)

__all__ = [
    "AggregatingState",
    "AggregatingStateDescriptor",
    "AppendingState",
    "BroadcastState",
    "ListState",
    "ListStateDescriptor",
    "MapState",
    "MapStateDescriptor",
    "MergingState",
    "OperatorStateStore",
    "ReadOnlyBroadcastState",
    "ReducingState",
    "ReducingStateDescriptor",
    "State",
    "StateDescriptor",
    "StateTtlConfig",
    "ValueState",
    "ValueStateDescriptor",
]
IN = TypeVar("IN", default=Any)
OUT = TypeVar("OUT", default=Any)
K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)


class AppendingState(ABC, Generic[IN, OUT]):
    """A state to which values are added: lists, reductions and aggregations are."""

    @abstractmethod
    def get(self) -> OUT:
        """What was added, as one value."""

    @abstractmethod
    def add(self, value: IN) -> None:
        """Add one value."""

    @abstractmethod
    def clear(self) -> None:
        """Forget all."""


class MergingState(AppendingState[IN, OUT]):
    """One that can be merged with another of its kind, as windows that merge need."""


class ReadOnlyBroadcastState(ABC, Generic[K, V]):
    """A broadcast state as the other stream sees it: changes are refused."""

    @abstractmethod
    def get(self, key: K) -> V | None:
        """The value at the key; None if there is none."""

    @abstractmethod
    def contains(self, key: K) -> bool:
        """Whether there is an entry."""

    @abstractmethod
    def items(self) -> Iterable[tuple[K, V]]:
        """The entries."""

    @abstractmethod
    def keys(self) -> Iterable[K]:
        """The keys."""

    @abstractmethod
    def values(self) -> Iterable[V]:
        """The values."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there are no entries."""

    @abstractmethod
    def clear(self) -> None:
        """Forget all entries; refused where the state is read-only."""


class OperatorStateStore(ABC):
    """Where broadcast state comes from: the context of a broadcast function."""

    @abstractmethod
    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> Any:
        """The state of that descriptor."""


for _kind in (ListState, ReducingState, AggregatingState):
    MergingState.register(_kind)
ReadOnlyBroadcastState.register(BroadcastState)
OperatorStateStore.register(BroadcastContext)
