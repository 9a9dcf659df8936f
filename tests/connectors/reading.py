"""Runs a source without an engine: enumerator and readers, driven until they are done or a condition holds."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.connectors.contract import SourceReader, Split, SplitEnumerator
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.registry import enumerator_factory
from tests.integration.sink_context import reader_context


@dataclass
class SourceRun:
    """A source with `parallelism` readers; `values` are by subtask."""

    definition: SourceDefinition
    parallelism: int = 1
    enumerator_state: Mapping[str, Any] | None = None
    splits: Sequence[Split] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)
    max_records: int = 100

    def __post_init__(self) -> None:
        self.values: list[list[Any]] = [[] for _ in range(self.parallelism)]
        self._wake = threading.Event()
        self.readers: list[SourceReader] = []
        for subtask in range(self.parallelism):
            reader = self.definition.create_reader()
            reader.open(reader_context(self._wake.set, subtask, self.parallelism, self.configuration))
            self.readers.append(reader)
        self.enumerator: SplitEnumerator = enumerator_factory(self.definition.connector).create_enumerator(
            self.definition.options, self.parallelism, self.enumerator_state, self.configuration
        )
        if self.splits:
            self.enumerator.add_splits_back(self.splits)
        self.enumerator.discover()

    def run(self, until: Callable[[], bool], deadline_seconds: float = 90) -> None:
        """Go on until the condition holds; discovers again all the time, as its interval would."""
        end = time.monotonic() + deadline_seconds
        told = False
        while not until():
            assert time.monotonic() < end, f"not within {deadline_seconds} s; values so far: {self.values}"
            waiting = [index for index, reader in enumerate(self.readers) if reader.wants_splits()]
            for index, splits in self.enumerator.take_assignments(waiting).items():
                self.readers[index].add_splits(splits)
            if self.enumerator.has_no_more_splits() and not told:
                told = True
                for reader in self.readers:
                    reader.no_more_splits()
            polled = [self._poll(index) for index in range(self.parallelism)]  # each, not up to the first
            if not any(polled):
                self._wake.wait(0.02)
                self._wake.clear()
                if self.enumerator.discovery_interval_seconds is not None:
                    self.enumerator.discover()

    def run_to_end(self) -> list[list[Any]]:
        """Until every reader is finished; the values."""
        self.run(lambda: all(reader.is_finished() for reader in self.readers))
        return self.values

    def snapshot(self) -> tuple[dict[str, Any], list[Split]]:
        """The enumerator's state and all readers' splits."""
        return self.enumerator.snapshot(), [split for reader in self.readers for split in reader.snapshot()]

    def close(self) -> None:
        """Close everything."""
        for reader in self.readers:
            reader.close()
        self.enumerator.close()

    def _poll(self, index: int) -> bool:
        found = self.readers[index].poll(self.max_records)
        if found is None:
            return False
        self.values[index].extend(found.batch.values)
        return True
