"""Hands out the splits of one source after the other: the next begins when the one before is read to its end.

Runs in the JobManager. A source is at its end when its enumerator has nothing left and every subtask has asked for
more since: a reader asks only when it has no split.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.connectors.contract import Split, SplitEnumerator
from penstock.connectors.registry import enumerator_factory

_LOOK_SECONDS = 10.0


class HybridEnumerator:
    """A `SplitEnumerator` over sources; `options` is `{"sources": [{"connector", "options"}, …]}`."""

    def __init__(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> None:
        self._sources: Sequence[Mapping[str, Any]] = options["sources"]
        self._parallelism = parallelism
        self._configuration = configuration
        self._number = int(state["number"]) if state else 0
        self._asking: set[int] = set()
        self._back: list[Split] = []
        self._current = self._open(state["current"] if state else None)
        self._is_discovered = False

    def discover(self) -> None:
        """Look for splits of the present source."""
        if not self._is_discovered or self._current.discovery_interval_seconds is not None:
            self._current.discover()
            self._is_discovered = True

    def take_assignments(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        """Splits of the present source; when it is at its end, of the next."""
        self._asking.update(waiting)
        taken = self._take(waiting)
        if not taken and self._is_at_end():
            self._current.close()
            self._number += 1
            self._current = self._open(None)
            self._current.discover()
            asking, self._asking = sorted(self._asking), set()
            taken = self._take(asking)
        return taken

    def add_splits_back(self, splits: Sequence[Split]) -> None:
        """Read on where they were; splits of another source than the present go to their readers as they are."""
        mine = [split for split in splits if split["source"] == self._number]
        self._back.extend(split for split in splits if split["source"] != self._number)
        self._current.add_splits_back([split["split"] for split in mine])

    def has_no_more_splits(self) -> bool:
        """True when the last source handed out all."""
        return self._is_last() and not self._back and self._current.has_no_more_splits()

    def snapshot(self) -> dict[str, Any]:
        """Which source, and its enumerator's state."""
        return {"number": self._number, "current": self._current.snapshot()}

    def close(self) -> None:
        """Release the present source's enumerator."""
        self._current.close()

    @property
    def discovery_interval_seconds(self) -> float | None:
        """Often enough for the present source and those to come."""
        own = self._current.discovery_interval_seconds
        return own if self._is_last() else min(own or _LOOK_SECONDS, _LOOK_SECONDS)

    def _take(self, waiting: Sequence[int]) -> dict[int, list[Split]]:
        found = self._current.take_assignments(waiting)
        taken = {
            subtask: [_wrapped(self._number, split) for split in splits] for subtask, splits in found.items()
        }
        for number, split in enumerate(self._back):
            taken.setdefault(number % self._parallelism, []).append(split)
        self._back = []
        self._asking.difference_update(taken)
        return taken

    def _is_at_end(self) -> bool:
        is_done = not self._is_last() and self._current.has_no_more_splits()
        return is_done and len(self._asking) == self._parallelism

    def _is_last(self) -> bool:
        return self._number == len(self._sources) - 1

    def _open(self, state: Mapping[str, Any] | None) -> SplitEnumerator:
        source = self._sources[self._number]
        factory = enumerator_factory(source["connector"])
        return factory.create_enumerator(source["options"], self._parallelism, state, self._configuration)


def _wrapped(number: int, split: Split) -> Split:
    return {"id": f"{number}:{split['id']}", "source": number, "split": split}


class HybridEnumerators:
    """Makes the enumerator."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """The enumerator, going on from its state if there is one."""
        return HybridEnumerator(options, parallelism, state, configuration)


FACTORY = HybridEnumerators()
