"""How an edge spreads a batch over its channels, and which subtasks an edge connects. Pure; used by `edge_writer`.

A partitioner gives one channel number for each record, except where every record goes everywhere or to one channel.
"""

import random
from collections.abc import Callable
from typing import Any, Protocol

from penstock.graph.jobgraph import Partitioner
from penstock_api.keys import key_group, subtask_of

_REMEMBERED_KEYS = 65_536


class ChannelChooser(Protocol):
    """Numbers of channels for records."""

    def choose(self, values: list[Any]) -> list[int]:
        """One channel number per record."""


class KeyChannels(dict[Any, int]):
    """Key → channel, computed on first sight: the lookup of a known key runs in C."""

    def __init__(self, max_parallelism: int, parallelism: int) -> None:
        super().__init__()
        self._max_parallelism = max_parallelism
        self._parallelism = parallelism

    def __missing__(self, key: Any) -> int:
        """Hash a new key; the memory of old ones is bounded."""
        channel = self.compute(key)
        if len(self) >= _REMEMBERED_KEYS:
            self.clear()
        self[key] = channel
        return channel

    def compute(self, key: Any) -> int:
        """The channel of a key."""
        group = key_group(key, self._max_parallelism)
        return subtask_of(group, self._max_parallelism, self._parallelism)


class HashChooser:
    """By the key group of the record's key."""

    def __init__(self, key_selector: Callable[[Any], Any], max_parallelism: int, parallelism: int) -> None:
        self._key_of = key_selector
        self._channels = KeyChannels(max_parallelism, parallelism)

    def choose(self, values: list[Any]) -> list[int]:
        """One channel number per record; KeyTypeError for a key that has no stable identity."""
        channels, key_of = self._channels, self._key_of
        keys = list(map(key_of, values))
        try:
            return list(map(channels.__getitem__, keys))
        except TypeError:
            # Some key cannot be hashed by Python: the encoding names it, or accepts it all the same.
            return [channels.compute(key) for key in keys]


class CustomChooser:
    """By the program's own function of key and number of channels."""

    def __init__(
        self, key_selector: Callable[[Any], Any] | None, function: Callable[[Any, int], int], parallelism: int
    ) -> None:
        self._key_of = key_selector
        self._function = function
        self._parallelism = parallelism

    def choose(self, values: list[Any]) -> list[int]:
        """One channel number per record; ValueError for a number that is no channel."""
        function, count = self._function, self._parallelism
        keys = values if self._key_of is None else map(self._key_of, values)
        chosen = [int(function(key, count)) for key in keys]
        for channel in chosen:
            if not 0 <= channel < count:
                raise ValueError(
                    f"the partitioner of partition_custom returned {channel}: it must return 0 to {count - 1}"
                )
        return chosen


class RoundRobinChooser:
    """In turn, going on from batch to batch; subtasks start at different channels."""

    def __init__(self, channels: int, start: int) -> None:
        self._channels = channels
        self._next = start % channels

    def choose(self, values: list[Any]) -> list[int]:
        """One channel number per record."""
        count, first = self._channels, self._next
        self._next = (first + len(values)) % count
        return [(first + index) % count for index in range(len(values))]


class ShuffleChooser:
    """At random."""

    def __init__(self, channels: int) -> None:
        self._channels = range(channels)

    def choose(self, values: list[Any]) -> list[int]:
        """One channel number per record."""
        return random.choices(self._channels, k=len(values))  # noqa: S311 - spreads load, keeps no secret


def targets_of(partitioner: Partitioner, source: int, sources: int, targets: int) -> list[int]:
    """The target subtasks that source subtask `source` has a channel to, in order."""
    if partitioner not in (Partitioner.FORWARD, Partitioner.RESCALE):
        return list(range(targets))
    if sources >= targets:
        return [
            target
            for target in range(targets)
            if target * sources // targets <= source < (target + 1) * sources // targets
        ]
    return [target for target in range(targets) if target * sources // targets == source]


def sources_of(partitioner: Partitioner, target: int, sources: int, targets: int) -> list[int]:
    """The source subtasks that have a channel to target subtask `target`, in order."""
    return [
        source for source in range(sources) if target in targets_of(partitioner, source, sources, targets)
    ]
