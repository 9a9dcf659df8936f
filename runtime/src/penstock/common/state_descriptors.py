"""Descriptors of keyed state: name, kind and, where the kind needs one, the function that merges values.

Public at `penstock.datastream.state`; they live this low because window triggers declare state too.
"""

from collections.abc import Callable
from typing import Any

from penstock.common.state_ttl import StateTtlConfig
from penstock.common.typeinfo import TypeInformation

__all__ = [
    "AggregatingStateDescriptor",
    "ListStateDescriptor",
    "MapStateDescriptor",
    "ReducingStateDescriptor",
    "StateDescriptor",
    "StateTtlConfig",
    "ValueStateDescriptor",
]


class StateDescriptor:
    """Names a state of an operator."""

    def __init__(self, name: str, type_info: TypeInformation | None = None) -> None:
        self.name = name
        self.type_info = type_info
        self.ttl: StateTtlConfig | None = None

    def get_name(self) -> str:
        """The name."""
        return self.name

    def enable_time_to_live(self, ttl_config: StateTtlConfig) -> None:
        """Let values expire."""
        self.ttl = ttl_config


class ValueStateDescriptor(StateDescriptor):
    """One value a key."""

    def __init__(self, name: str, value_type_info: TypeInformation | None = None) -> None:
        super().__init__(name, value_type_info)


class ListStateDescriptor(StateDescriptor):
    """A list a key."""

    def __init__(self, name: str, elem_type_info: TypeInformation | None = None) -> None:
        super().__init__(name, elem_type_info)


class MapStateDescriptor(StateDescriptor):
    """A map a key; also names broadcast state."""

    def __init__(
        self,
        name: str,
        key_type_info: TypeInformation | None = None,
        value_type_info: TypeInformation | None = None,
    ) -> None:
        super().__init__(name, value_type_info)
        self.key_type_info = key_type_info


class ReducingStateDescriptor(StateDescriptor):
    """One value a key, into which added values are reduced."""

    def __init__(self, name: str, reduce_function: Any, type_info: TypeInformation | None = None) -> None:
        super().__init__(name, type_info)
        self._reduce_function = reduce_function

    def get_reduce_function(self) -> Any:
        """The function, or object with `reduce`, as it was given."""
        return self._reduce_function

    def reducer(self) -> Callable[[Any, Any], Any]:
        """The same as a plain callable."""
        reduce: Callable[[Any, Any], Any] = getattr(self._reduce_function, "reduce", self._reduce_function)
        return reduce


class AggregatingStateDescriptor(StateDescriptor):
    """One accumulator a key, to which values are added."""

    def __init__(self, name: str, agg_function: Any, state_type_info: TypeInformation | None = None) -> None:
        super().__init__(name, state_type_info)
        self._agg_function = agg_function

    def get_agg_function(self) -> Any:
        """The AggregateFunction."""
        return self._agg_function
