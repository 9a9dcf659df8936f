"""What a program declares of its keyed states, compared with what the snapshot says of them.

Part of every backend. A state of another kind or of another simple type than the stored one is refused when it is
declared, before any record meets the old values.
"""

from collections.abc import Iterable

from penstock.state.errors import StateIncompatible
from penstock_api.manifest import KeyedStateInfo


class DeclaredStates:
    """The keyed states of one operator, by name."""

    __slots__ = ("_now", "_operator_name", "_restored")

    def __init__(self, operator_name: str) -> None:
        self._operator_name = operator_name
        self._now: dict[str, KeyedStateInfo] = {}
        self._restored: dict[str, KeyedStateInfo] = {}

    def restore(self, infos: Iterable[KeyedStateInfo]) -> None:
        """What the snapshot knows."""
        for info in infos:
            self._restored[info.name] = info

    def declare(self, name: str, kind: str, type_name: str) -> None:
        """The program's state; StateIncompatible where the stored one is another."""
        old = self._restored.get(name)
        if old is not None:
            self._compare(name, "kind", old.kind, kind)
            self._compare(name, "type", old.type, type_name)
        now = self._now.get(name)
        if now is not None and now.kind and kind and now.kind != kind:
            raise StateIncompatible(
                f"state {name!r} of operator {self._operator_name!r} is declared as {now.kind} and as {kind}: give one of "
                "them another name"
            )
        self._now[name] = KeyedStateInfo(name=name, kind=kind, type=type_name)

    def infos(self, names: Iterable[str]) -> list[KeyedStateInfo]:
        """What a snapshot says of the states of these names."""
        return [
            self._now.get(name) or self._restored.get(name) or KeyedStateInfo(name=name) for name in names
        ]

    def _compare(self, name: str, what: str, old: str, new: str) -> None:
        if old and new and old != new:
            raise StateIncompatible(
                f"state {name!r} of operator {self._operator_name!r} has the {what} {old} in the snapshot and {new} in the "
                f"program: stored values are not converted. Declare it as {old}, or give the state another name and fill "
                "it anew, or start from other state"
            )
