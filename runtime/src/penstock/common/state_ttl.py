"""When a value of keyed state expires, and how expired values are cleaned up. Public at `penstock.datastream.state`.

Settings only: `operators.keyed_states` reads them, the state backends clean up by them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from penstock.common.time import Duration, Time, span_ms


class UpdateType(Enum):
    """What makes a value young again."""

    Disabled = 0
    OnCreateAndWrite = 1
    OnReadAndWrite = 2


class StateVisibility(Enum):
    """Whether a value that expired but is still there can be read."""

    ReturnExpiredIfNotCleanedUp = 0
    NeverReturnExpired = 1


class TtlTimeCharacteristic(Enum):
    """Which clock ages values."""

    ProcessingTime = 0


class CleanupStrategies:
    """How expired values are removed beside their removal when they are read."""

    class Strategies(Enum):
        """The kinds."""

        FULL_STATE_SCAN_SNAPSHOT = 0
        INCREMENTAL_CLEANUP = 1
        ROCKSDB_COMPACTION_FILTER = 2

    class CleanupStrategy:
        """The settings of one kind."""

    class EmptyCleanupStrategy(CleanupStrategy):
        """A kind without settings."""

    @dataclass(frozen=True)
    class IncrementalCleanupStrategy(CleanupStrategy):
        """At each access (or each record) look at some more keys."""

        cleanup_size: int
        for_every_record: bool

        def get_cleanup_size(self) -> int:
            """How many keys at a time."""
            return self.cleanup_size

        def run_cleanup_for_every_record(self) -> bool:
            """Whether every record counts, not only an access to the state."""
            return self.for_every_record

    @dataclass(frozen=True)
    class RocksdbCompactFilterCleanupStrategy(CleanupStrategy):
        """While RocksDB compacts its files."""

        query_time_after_num_entries: int
        periodic_compaction_time: Duration = Duration.of_days(30)  # noqa: RUF009 - frozen

        def get_query_time_after_num_entries(self) -> int:
            """After how many entries the clock is read again."""
            return self.query_time_after_num_entries

        def get_periodic_compaction_time(self) -> Duration:
            """The age of a file that makes it be compacted."""
            return self.periodic_compaction_time

    EMPTY_STRATEGY = EmptyCleanupStrategy()

    def __init__(self, strategies: dict[Strategies, CleanupStrategy], is_cleanup_in_background: bool) -> None:
        self._strategies = dict(strategies)
        self._is_in_background = is_cleanup_in_background

    def is_cleanup_in_background(self) -> bool:
        """Whether the backend's own cleanup runs even where no kind was chosen."""
        return self._is_in_background

    def in_full_snapshot(self) -> bool:
        """Whether a full snapshot leaves expired values out."""
        return self.Strategies.FULL_STATE_SCAN_SNAPSHOT in self._strategies

    def get_incremental_cleanup_strategy(self) -> "CleanupStrategies.IncrementalCleanupStrategy | None":
        """Its settings; None where it is off."""
        found = self._strategies.get(self.Strategies.INCREMENTAL_CLEANUP)
        if isinstance(found, CleanupStrategies.IncrementalCleanupStrategy):
            return found
        return CleanupStrategies.IncrementalCleanupStrategy(5, False) if self._is_in_background else None

    def get_rocksdb_compact_filter_cleanup_strategy(
        self,
    ) -> "CleanupStrategies.RocksdbCompactFilterCleanupStrategy | None":
        """Its settings; None where it is off."""
        found = self._strategies.get(self.Strategies.ROCKSDB_COMPACTION_FILTER)
        if isinstance(found, CleanupStrategies.RocksdbCompactFilterCleanupStrategy):
            return found
        return CleanupStrategies.RocksdbCompactFilterCleanupStrategy(1000) if self._is_in_background else None


class StateTtlBuilder:
    """Builds a StateTtlConfig; every call returns the builder."""

    def __init__(self, ttl: Time) -> None:
        self._ttl = Time(span_ms(ttl))
        self._update_type = UpdateType.OnCreateAndWrite
        self._visibility = StateVisibility.NeverReturnExpired
        self._characteristic = TtlTimeCharacteristic.ProcessingTime
        self._strategies: dict[CleanupStrategies.Strategies, CleanupStrategies.CleanupStrategy] = {}
        self._is_in_background = True

    def set_ttl(self, ttl: Time) -> "StateTtlBuilder":
        """Set the lifetime."""
        self._ttl = Time(span_ms(ttl))
        return self

    def set_update_type(self, update_type: UpdateType) -> "StateTtlBuilder":
        """Set what makes a value young again."""
        self._update_type = update_type
        return self

    def update_ttl_on_create_and_write(self) -> "StateTtlBuilder":
        """Writing makes it young again."""
        return self.set_update_type(UpdateType.OnCreateAndWrite)

    def update_ttl_on_read_and_write(self) -> "StateTtlBuilder":
        """Reading and writing make it young again."""
        return self.set_update_type(UpdateType.OnReadAndWrite)

    def set_state_visibility(self, state_visibility: StateVisibility) -> "StateTtlBuilder":
        """Set whether expired values can be read."""
        self._visibility = state_visibility
        return self

    def return_expired_if_not_cleaned_up(self) -> "StateTtlBuilder":
        """An expired value can be read while it is still there."""
        return self.set_state_visibility(StateVisibility.ReturnExpiredIfNotCleanedUp)

    def never_return_expired(self) -> "StateTtlBuilder":
        """An expired value is gone."""
        return self.set_state_visibility(StateVisibility.NeverReturnExpired)

    def set_ttl_time_characteristic(
        self, ttl_time_characteristic: TtlTimeCharacteristic
    ) -> "StateTtlBuilder":
        """Set which clock ages values."""
        self._characteristic = ttl_time_characteristic
        return self

    def use_processing_time(self) -> "StateTtlBuilder":
        """Values age by the wall clock."""
        return self.set_ttl_time_characteristic(TtlTimeCharacteristic.ProcessingTime)

    def cleanup_full_snapshot(self) -> "StateTtlBuilder":
        """Leave expired values out of full snapshots."""
        kind = CleanupStrategies.Strategies.FULL_STATE_SCAN_SNAPSHOT
        self._strategies[kind] = CleanupStrategies.EMPTY_STRATEGY
        return self

    def cleanup_incrementally(
        self, cleanup_size: int, run_cleanup_for_every_record: bool
    ) -> "StateTtlBuilder":
        """At each access look at so many more keys."""
        self._strategies[CleanupStrategies.Strategies.INCREMENTAL_CLEANUP] = (
            CleanupStrategies.IncrementalCleanupStrategy(cleanup_size, run_cleanup_for_every_record)
        )
        return self

    def cleanup_in_rocksdb_compact_filter(
        self, query_time_after_num_entries: int, periodic_compaction_time: Duration | None = None
    ) -> "StateTtlBuilder":
        """Remove expired values while RocksDB compacts its files."""
        age = periodic_compaction_time or Duration.of_days(30)
        self._strategies[CleanupStrategies.Strategies.ROCKSDB_COMPACTION_FILTER] = (
            CleanupStrategies.RocksdbCompactFilterCleanupStrategy(query_time_after_num_entries, age)
        )
        return self

    def disable_cleanup_in_background(self) -> "StateTtlBuilder":
        """Only the kinds that were chosen clean up."""
        self._is_in_background = False
        return self

    def build(self) -> "StateTtlConfig":
        """The configuration."""
        cleanup = CleanupStrategies(self._strategies, self._is_in_background)
        return StateTtlConfig(self._ttl, self._update_type, self._visibility, self._characteristic, cleanup)


_UpdateType: TypeAlias = UpdateType
_StateVisibility: TypeAlias = StateVisibility
_TtlTimeCharacteristic: TypeAlias = TtlTimeCharacteristic
_CleanupStrategies: TypeAlias = CleanupStrategies


class StateTtlConfig:
    """When a value of keyed state expires: `StateTtlConfig.new_builder(Time.hours(1)).build()`."""

    UpdateType: TypeAlias = _UpdateType
    StateVisibility: TypeAlias = _StateVisibility
    TtlTimeCharacteristic: TypeAlias = _TtlTimeCharacteristic
    CleanupStrategies: TypeAlias = _CleanupStrategies
    Builder: TypeAlias = StateTtlBuilder

    def __init__(
        self,
        ttl: Time,
        update_type: _UpdateType,
        state_visibility: _StateVisibility,
        ttl_time_characteristic: _TtlTimeCharacteristic = _TtlTimeCharacteristic.ProcessingTime,
        cleanup_strategies: _CleanupStrategies | None = None,
    ) -> None:
        if span_ms(ttl) <= 0 and update_type is not _UpdateType.Disabled:
            raise ValueError("a lifetime must be longer than zero")
        self._ttl = ttl
        self._update_type = update_type
        self._state_visibility = state_visibility
        self._characteristic = ttl_time_characteristic
        self._cleanup = cleanup_strategies or _CleanupStrategies({}, True)

    @staticmethod
    def new_builder(ttl: Time) -> StateTtlBuilder:
        """A builder for that lifetime."""
        return StateTtlBuilder(ttl)

    def get_ttl(self) -> Time:
        """The lifetime."""
        return self._ttl

    def get_update_type(self) -> _UpdateType:
        """What makes a value young again."""
        return self._update_type

    def get_state_visibility(self) -> _StateVisibility:
        """Whether expired values can be read."""
        return self._state_visibility

    def get_ttl_time_characteristic(self) -> _TtlTimeCharacteristic:
        """Which clock ages values."""
        return self._characteristic

    def get_cleanup_strategies(self) -> _CleanupStrategies:
        """How expired values are removed."""
        return self._cleanup

    def is_enabled(self) -> bool:
        """Whether values expire at all."""
        return self._update_type is not _UpdateType.Disabled

    def __repr__(self) -> str:
        return (
            f"StateTtlConfig({self._ttl}, {self._update_type.name}, {self._state_visibility.name}, "
            f"{self._characteristic.name})"
        )
