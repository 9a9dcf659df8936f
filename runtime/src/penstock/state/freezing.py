"""Keyed state of dicts as of a barrier: what was there is noted before it changes, and serialised frame by frame.

Made by `state.hashmap` at a barrier, stepped by the task between batches. A group is copied only when its turn comes;
until then a change notes what it replaces, and a value that can change in place is cloned before an operator gets hold
of it. So neither the barrier nor the batch after it pays for the size of the state.
"""

import pickle
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any, Protocol

from penstock.state.codec import dump_state
from penstock.state.contract import MISSING
from penstock.state.errors import StateNotSerializable
from penstock.state.frames import FRAME_ENTRIES, FrameKind, framed
from penstock.state.timers import Timer

ATOMS = frozenset({int, str, float, bool, bytes, type(None)})
"""Types whose values never change in place."""
Values = dict[Any, Any]
_Before = dict[tuple[str, Any], Values]
"""By (state name, namespace): key → what was there at the barrier, MISSING for nothing. No container for each key: the
garbage collector would look at all of them."""


@dataclass(slots=True)
class GroupCopy:
    """One key group as of the barrier."""

    plain: dict[str, Values] = field(default_factory=dict)
    spaced: dict[str, dict[Any, Values]] = field(default_factory=dict)
    event: set[Timer] = field(default_factory=set)
    processing: set[Timer] = field(default_factory=set)


class GroupOwner(Protocol):
    """The backend, as its frozen state sees it."""

    first: int
    last: int

    def copy_group(self, group: int) -> GroupCopy:
        """The group now, dicts copied, values shared."""

    def live_filters(self) -> dict[str, Any]:
        """By state name: what tells expired values from others."""

    def thaw(self, frozen: "FrozenState") -> None:
        """Live values are no part of it any more."""


class FrozenState:
    """Keyed state as of a barrier: chunks of bytes by key group, complete once `step` said so."""

    __slots__ = (
        "_before",
        "_copy",
        "_copy_group",
        "_filters",
        "_owner",
        "_timers_before",
        "_work",
        "chunks",
        "failure",
        "first",
        "last",
        "pending",
    )

    def __init__(self, owner: GroupOwner, pending: set[int]) -> None:
        self._owner = owner
        self.first = owner.first
        self.last = owner.last
        self.pending = pending
        """Groups whose turn is still to come."""
        self._before: dict[int, _Before] = {}
        """By group: what was there at the barrier and has changed since."""
        self._timers_before: dict[int, dict[tuple[str, Timer], bool]] = {}
        """By group: whether timers that came or went were there at the barrier."""
        self._copy_group = -1
        self._copy = GroupCopy()
        """The group that is being serialised."""
        self._filters = owner.live_filters()
        self._work = self._serialise(sorted(pending))
        self.chunks: dict[int, bytes] = {}
        """By key group minus `first`; groups without content are left out."""
        self.failure: StateNotSerializable | None = None
        """Set when some value cannot be stored: the snapshot is of no use, the job may go on."""

    def step(self, budget_seconds: float) -> bool:
        """Serialise for about that long (at least one frame); True when all is done."""
        deadline = perf_counter() + budget_seconds
        try:
            for _ in self._work:
                if perf_counter() >= deadline:
                    return False
        except StateNotSerializable as error:
            self.failure = error
            self.abandon()
        self._owner.thaw(self)
        return True

    def finish(self) -> None:
        """Serialise at once what is left."""
        while not self.step(1.0):
            pass

    def abandon(self) -> None:
        """Forget what nobody wants any more."""
        self._work.close()
        self.pending.clear()
        self._before.clear()
        self._timers_before.clear()
        self._copy_group, self._copy = -1, GroupCopy()
        self.chunks.clear()
        self._owner.thaw(self)

    def note(self, group: int, name: str, namespace: Any, key: Any, value: Any) -> None:
        """This value (MISSING if none) is about to be replaced; the group's turn is still to come."""
        before = self._before_of(group, name, namespace)
        if key not in before:
            before[key] = value

    def note_timer(self, group: int, kind: str, timer: Timer, was_there: bool) -> None:
        """This timer is about to come or go."""
        if group in self.pending:
            self._timers_before.setdefault(group, {}).setdefault((kind, timer), was_there)

    def guard(self, group: int, name: str, namespace: Any, key: Any, value: Any) -> None:
        """An operator gets hold of this value, and it can change in place: keep it as it is."""
        try:
            if group in self.pending:
                before = self._before_of(group, name, namespace)
                if key not in before:
                    before[key] = _clone(value)
            elif group == self._copy_group:
                spaces = self._copy.spaced.get(name, {})
                values = self._copy.plain.get(name) if namespace is None else spaces.get(namespace)
                if values is not None and values.get(key) is value:
                    values[key] = _clone(value)
        except Exception as error:  # noqa: BLE001 - values raise what they like; only the snapshot suffers
            self.failure = StateNotSerializable(
                f"a value of state {name!r} of key {key!r} cannot be stored: {error}. Keep values whose classes stand at "
                "the top level of a module; no lambdas, open files or locks"
            )
            self.abandon()

    def _before_of(self, group: int, name: str, namespace: Any) -> Values:
        before = self._before.get(group)
        if before is None:
            before = self._before[group] = {}
        found = before.get((name, namespace))
        if found is None:
            found = before[name, namespace] = {}
        return found

    def _serialise(self, groups: list[int]) -> Generator[None]:
        """Frame by frame, in the task's slices."""
        for group in groups:
            copy = self._owner.copy_group(group)
            _restore_values(copy, self._before.pop(group, {}))
            _restore_timers(copy, self._timers_before.pop(group, {}))
            self.pending.discard(group)
            self._copy_group, self._copy = group, copy
            parts: list[bytes] = []
            for content in _contents(copy, self._filters):
                parts.append(framed(_dumped(content)))
                yield
            if parts:
                self.chunks[group] = b"".join(parts)
        self._copy_group, self._copy = -1, GroupCopy()


def _dumped(content: tuple[str, str, Any]) -> bytes:
    try:
        return dump_state(content)
    except StateNotSerializable as error:
        raise StateNotSerializable(f"state {content[1]!r}: {error}") from error


def _clone(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, protocol=5))


def _restore_values(copy: GroupCopy, before: _Before) -> None:
    """Make a copy of now one of then."""
    for (name, namespace), old in before.items():
        values = copy.plain.setdefault(name, {})
        if namespace is not None:
            values = copy.spaced.setdefault(name, {}).setdefault(namespace, {})
        for key, value in old.items():
            if value is MISSING:
                values.pop(key, None)
            else:
                values[key] = value


def _restore_timers(copy: GroupCopy, before: dict[tuple[str, Timer], bool]) -> None:
    for (kind, timer), was_there in before.items():
        timers = copy.event if kind == FrameKind.EVENT else copy.processing
        if was_there:
            timers.add(timer)
        else:
            timers.discard(timer)


def _contents(copy: GroupCopy, filters: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name, values in copy.plain.items():
        for part in _slices(values, filters.get(name)):
            yield str(FrameKind.PLAIN), name, part
    for name, spaces in copy.spaced.items():
        for spaced in _gathered(spaces, filters.get(name)):
            yield str(FrameKind.SPACED), name, spaced
    for kind, timers in ((FrameKind.EVENT, copy.event), (FrameKind.PROCESSING, copy.processing)):
        ordered = iter(timers)
        while some := list(islice(ordered, FRAME_ENTRIES)):
            yield str(kind), "", some


def _slices(values: Values, is_live: Any) -> Iterator[Values]:
    if 0 < len(values) <= FRAME_ENTRIES and is_live is None:
        yield values
        return
    # Only values are replaced meanwhile, never keys: the iteration stands.
    items = iter(values.items())
    while some := list(islice(items, FRAME_ENTRIES)):
        part = {key: value for key, value in some if is_live is None or is_live(value)}
        if part:
            yield part


def _gathered(spaces: dict[Any, Values], keep: Any) -> Iterator[list[tuple[Any, Values]]]:
    some: list[tuple[Any, Values]] = []
    count = 0
    for namespace, values in spaces.items():
        for part in _slices(values, keep):
            some.append((namespace, part))
            count += len(part)
            if count >= FRAME_ENTRIES:
                yield some
                some, count = [], 0
    if some:
        yield some
