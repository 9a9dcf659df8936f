"""Keyed state with a lifetime: values, list elements and map entries that expire one by one. Made by `operators.state_access`.

What is stored carries the time of its last use. Expired parts are removed when they are met, swept up a few at a time by
accesses (or records) as the program chose, and left out of canonical snapshots.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from penstock.common.state_ttl import StateTtlConfig, StateVisibility, UpdateType
from penstock.operators.contract import TimerService
from penstock.operators.keyed_states import ListState, MapState, StateCell
from penstock.state.contract import MISSING, StateTable

_BACKGROUND_STRIDE = 16
"""Where the program chose nothing, this many accesses share one longer sweep: as thorough, and cheaper."""


class Lifetime:
    """The rules of one state."""

    __slots__ = ("_accesses", "_clock", "_stride", "_sweep", "is_read_renewing", "millis", "returns_expired")

    def __init__(self, config: StateTtlConfig, clock: TimerService, table: StateTable) -> None:
        self.millis = config.get_ttl().to_milliseconds()
        self.is_read_renewing = config.get_update_type() is UpdateType.OnReadAndWrite
        self.returns_expired = config.get_state_visibility() is StateVisibility.ReturnExpiredIfNotCleanedUp
        self._clock = clock
        self._accesses = 0
        limit, self._stride = _cleanup(config)
        self._sweep: Callable[[], Any] | None = (lambda: table.sweep(limit)) if limit else None

    def now(self) -> int:
        """The clock."""
        return self._clock.current_processing_time()

    def is_live(self, written: int) -> bool:
        """What was last used then has not expired."""
        return written + self.millis > self._clock.current_processing_time()

    def on_access(self) -> None:
        """Clean up a little."""
        if self._sweep is not None:
            self._accesses += 1
            if self._accesses >= self._stride:
                self._accesses = 0
                self._sweep()


def _cleanup(config: StateTtlConfig) -> tuple[int, int]:
    """How many values a sweep looks at, and how many accesses share one."""
    strategies = config.get_cleanup_strategies()
    incremental = strategies.get_incremental_cleanup_strategy()
    if incremental is None:
        if strategies.get_rocksdb_compact_filter_cleanup_strategy() is None:
            return 0, 1
        return 5 * _BACKGROUND_STRIDE, _BACKGROUND_STRIDE
    stride = 1 if _is_chosen(config) else _BACKGROUND_STRIDE
    return incremental.get_cleanup_size() * stride, stride


def _is_chosen(config: StateTtlConfig) -> bool:
    """The program named the size of a sweep itself."""
    background = StateTtlConfig(config.get_ttl(), config.get_update_type(), config.get_state_visibility())
    default = background.get_cleanup_strategies().get_incremental_cleanup_strategy()
    return config.get_cleanup_strategies().get_incremental_cleanup_strategy() != default


class LivingCell(StateCell):
    """A value that expires whole: (last used, value)."""

    __slots__ = ("_lifetime",)

    def __init__(self, table: StateTable, lifetime: Lifetime, namespace: Any = None) -> None:
        super().__init__(table, namespace)
        self._lifetime = lifetime

    def read(self) -> Any:
        """The value, or MISSING; reading may renew it."""
        lifetime = self._lifetime
        lifetime.on_access()
        stored = self._table.get(self.namespace)
        if stored is MISSING:
            return MISSING
        if not lifetime.is_live(stored[0]):
            self._table.remove(self.namespace)
            return stored[1] if lifetime.returns_expired else MISSING
        if lifetime.is_read_renewing:
            self._table.put((lifetime.now(), stored[1]), self.namespace)
        return stored[1]

    def change(self) -> Any:
        """The value to be changed in place, then written back; or MISSING."""
        self._lifetime.on_access()
        stored = self._table.for_update(self.namespace)
        if stored is MISSING:
            return MISSING
        if self._lifetime.is_live(stored[0]) or self._lifetime.returns_expired:
            return stored[1]
        return MISSING

    def write(self, value: Any) -> None:
        """Set the value; it is young."""
        self._table.put((self._lifetime.now(), value), self.namespace)


class LivingListState(ListState):
    """A list whose elements expire one by one: [(last used, element)]."""

    __slots__ = ("_lifetime",)

    def __init__(self, cell: StateCell, lifetime: Lifetime) -> None:
        super().__init__(cell)
        self._lifetime = lifetime

    def get(self) -> Iterable[Any]:
        """The elements that live, in the order in which they were added."""
        lifetime = self._lifetime
        lifetime.on_access()
        held = self._cell.read()
        if held is MISSING:
            return []
        live = [pair for pair in held if lifetime.is_live(pair[0])]
        if lifetime.is_read_renewing and live:
            now = lifetime.now()
            live = [(now, element) for _, element in live]
            self._cell.write(live)
        elif not live:
            self._cell.clear()
        elif len(live) < len(held) and not lifetime.returns_expired:
            self._cell.write(live)
        return [element for _, element in (held if lifetime.returns_expired else live)]

    def add_all(self, values: Iterable[Any]) -> None:
        """Append all; they are young."""
        self._lifetime.on_access()
        now = self._lifetime.now()
        held = self._cell.change()
        self._cell.write([*(() if held is MISSING else held), *((now, value) for value in values)])

    def update(self, values: Iterable[Any]) -> None:
        """Replace all; they are young."""
        now = self._lifetime.now()
        self._cell.write([(now, value) for value in values])


class LivingMapState(MapState):
    """A map whose entries expire one by one: {key: (last used, value)}."""

    __slots__ = ("_lifetime",)

    def __init__(self, cell: StateCell, lifetime: Lifetime) -> None:
        super().__init__(cell)
        self._lifetime = lifetime

    def get(self, key: Any) -> Any:
        """The value at the key; None if there is none that lives."""
        pair = self._pair(key)
        return None if pair is None else pair[1]

    def _pair(self, key: Any) -> tuple[int, Any] | None:
        """The entry, if it can be read now; reading may renew or remove it."""
        lifetime = self._lifetime
        lifetime.on_access()
        held = self._cell.read()
        pair: tuple[int, Any] | None = None if held is MISSING else held.get(key)
        if pair is None:
            return None
        if not lifetime.is_live(pair[0]):
            self.remove(key)
            return pair if lifetime.returns_expired else None
        if lifetime.is_read_renewing:
            held = self._cell.change()
            held[key] = (lifetime.now(), pair[1])
            self._cell.write(held)
        return pair

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        """Set these entries; they are young."""
        now = self._lifetime.now()
        super().put_all({key: (now, value) for key, value in dict_value.items()})

    def contains(self, key: Any) -> bool:
        """Whether there is an entry of that key that lives."""
        return self._pair(key) is not None

    def _held(self) -> dict[Any, Any]:
        """What can be read now, without the times."""
        lifetime = self._lifetime
        lifetime.on_access()
        held = self._cell.read()
        if held is MISSING:
            return {}
        live = {key: pair for key, pair in held.items() if lifetime.is_live(pair[0])}
        if lifetime.is_read_renewing and live:
            now = lifetime.now()
            self._cell.write({key: (now, pair[1]) for key, pair in live.items()})
        elif not live:
            self._cell.clear()
        elif len(live) < len(held) and not lifetime.returns_expired:
            self._cell.write(live)
        return {key: pair[1] for key, pair in (held if lifetime.returns_expired else live).items()}

    # The class body of MapState binds its own methods to these.
    def __getitem__(self, key: Any) -> Any:
        return self.get(key)

    def __contains__(self, key: Any) -> bool:
        return self.contains(key)
