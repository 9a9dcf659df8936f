"""Descriptors of keyed state: name, kind and, where the kind needs one, the function that merges values.

Public at `penstock.datastream.state`; they live this low because window triggers declare state too.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

from penstock.common.time import Time, span_ms
from penstock.common.typeinfo import TypeInformation


class StateTtlConfig:
    """When a value of keyed state expires: `StateTtlConfig.new_builder(Time.hours(1)).build()`."""

    class UpdateType(Enum):
        """What makes a value young again."""

        Disabled = 0
        OnCreateAndWrite = 1
        OnReadAndWrite = 2

    class StateVisibility(Enum):
        """Whether a value that expired but is still there can be read."""

        ReturnExpiredIfNotCleanedUp = 0
        NeverReturnExpired = 1

    def __init__(self, ttl: Time, update_type: UpdateType, state_visibility: StateVisibility) -> None:
        self._ttl = ttl
        self._update_type = update_type
        self._state_visibility = state_visibility

    @staticmethod
    def new_builder(ttl: Time) -> "StateTtlConfig.Builder":
        """A builder for that lifetime."""
        return StateTtlConfig.Builder(ttl)

    def get_ttl(self) -> Time:
        """The lifetime."""
        return self._ttl

    def get_update_type(self) -> UpdateType:
        """What makes a value young again."""
        return self._update_type

    def get_state_visibility(self) -> StateVisibility:
        """Whether expired values can be read."""
        return self._state_visibility

    def is_enabled(self) -> bool:
        """Whether values expire at all."""
        return self._update_type is not StateTtlConfig.UpdateType.Disabled

    class Builder:
        """Builds a StateTtlConfig."""

        def __init__(self, ttl: Time) -> None:
            self._ttl = Time(span_ms(ttl))
            self._update_type = StateTtlConfig.UpdateType.OnCreateAndWrite
            self._visibility = StateTtlConfig.StateVisibility.NeverReturnExpired

        def set_update_type(self, update_type: "StateTtlConfig.UpdateType") -> "StateTtlConfig.Builder":
            """Set what makes a value young again."""
            self._update_type = update_type
            return self

        def update_ttl_on_create_and_write(self) -> "StateTtlConfig.Builder":
            """Writing makes it young again."""
            return self.set_update_type(StateTtlConfig.UpdateType.OnCreateAndWrite)

        def update_ttl_on_read_and_write(self) -> "StateTtlConfig.Builder":
            """Reading and writing make it young again."""
            return self.set_update_type(StateTtlConfig.UpdateType.OnReadAndWrite)

        def set_state_visibility(
            self, state_visibility: "StateTtlConfig.StateVisibility"
        ) -> "StateTtlConfig.Builder":
            """Set whether expired values can be read."""
            self._visibility = state_visibility
            return self

        def never_return_expired(self) -> "StateTtlConfig.Builder":
            """An expired value is gone."""
            return self.set_state_visibility(StateTtlConfig.StateVisibility.NeverReturnExpired)

        def build(self) -> "StateTtlConfig":
            """The configuration."""
            return StateTtlConfig(self._ttl, self._update_type, self._visibility)


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
