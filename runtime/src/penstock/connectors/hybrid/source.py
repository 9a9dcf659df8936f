"""PyFlink's `HybridSource`: bounded sources one after the other, then the last, as one source.

The reader holds a reader for each source and opens it with its first split. Re-exported by
`penstock.datastream.connectors.hybrid_source`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.connectors.contract import ReaderContext, SourceBatch, SourceReader, Split
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.public import Source
from penstock.graph.jobgraph import Boundedness


class HybridReader:
    """A `SourceReader` over the readers of all sources."""

    def __init__(self, make: Sequence[Callable[[], SourceReader]]) -> None:
        self._make = make
        self._readers: dict[int, SourceReader] = {}
        self._ctx: ReaderContext | None = None
        self._is_complete = False

    def open(self, ctx: ReaderContext) -> None:
        """Nothing is opened before a split comes."""
        self._ctx = ctx

    def add_splits(self, splits: Sequence[Split]) -> None:
        """To the readers of their sources."""
        for number in sorted({split["source"] for split in splits}):
            mine = [split["split"] for split in splits if split["source"] == number]
            self._reader(number).add_splits(mine)

    def no_more_splits(self) -> None:
        """The last source's splits are all handed out, and so those of every source before it."""
        self._is_complete = True
        for reader in self._readers.values():
            reader.no_more_splits()
        if self._ctx is not None:
            self._ctx.wake()

    def poll(self, max_records: int) -> SourceBatch | None:
        """From the first source that has something."""
        for number, reader in sorted(self._readers.items()):
            found = reader.poll(max_records)
            if found is not None:
                return SourceBatch(f"{number}:{found.split_id}", found.batch)
        return None

    def wants_splits(self) -> bool:
        """True when no source has a split left and more may come."""
        return not self._is_complete and not self.split_ids()

    def is_finished(self) -> bool:
        """True when all splits of all sources are at their end."""
        return self._is_complete and not self.split_ids()

    def split_ids(self) -> set[str]:
        """The unfinished splits."""
        return {f"{number}:{one}" for number, reader in self._readers.items() for one in reader.split_ids()}

    def snapshot(self) -> list[Split]:
        """The unfinished splits with their positions."""
        return [
            {"id": f"{number}:{split['id']}", "source": number, "split": split}
            for number, reader in self._readers.items()
            for split in reader.snapshot()
        ]

    def notify_complete(self, checkpoint_id: int) -> None:
        """For the sources that want to know."""
        for reader in self._readers.values():
            reader.notify_complete(checkpoint_id)

    def close(self) -> None:
        """Close every reader."""
        for reader in self._readers.values():
            reader.close()

    def _reader(self, number: int) -> SourceReader:
        found = self._readers.get(number)
        if found is None:
            if self._ctx is None:
                raise RuntimeError("the hybrid reader is given splits before open()")
            found = self._readers[number] = self._make[number]()
            found.open(self._ctx)
            if self._is_complete:
                found.no_more_splits()
        return found


@dataclass(frozen=True, slots=True)
class _ReaderFactory:
    make: tuple[Callable[[], SourceReader], ...]

    def __call__(self) -> HybridReader:
        return HybridReader(self.make)


class HybridSource(Source):
    """Sources one after the other; made by `HybridSource.builder(first)`."""

    def __init__(self, sources: Sequence[SourceDefinition]) -> None:
        super().__init__(
            SourceDefinition(
                "hybrid",
                {"sources": [{"connector": one.connector, "options": dict(one.options)} for one in sources]},
                sources[-1].boundedness,
                _ReaderFactory(tuple(one.create_reader for one in sources)),
            )
        )

    @staticmethod
    def builder(first_source: Source) -> "HybridSourceBuilder":
        """A builder that begins with this source."""
        return HybridSourceBuilder(first_source)


class HybridSourceBuilder:
    """Collects the sources, in order."""

    def __init__(self, first_source: Source) -> None:
        self._sources: list[SourceDefinition] = [_definition(first_source)]

    def add_source(self, source: Source) -> "HybridSourceBuilder":
        """Read this one when those before are at their end."""
        if self._sources[-1].boundedness is not Boundedness.BOUNDED:
            raise ValueError(
                f"a hybrid source goes on after a bounded source only: the {self._sources[-1].connector} source before "
                "this one never ends"
            )
        self._sources.append(_definition(source))
        return self

    def build(self) -> HybridSource:
        """The source."""
        return HybridSource(self._sources)


def _definition(source: Any) -> SourceDefinition:
    if not isinstance(source, Source):
        raise TypeError(f"{type(source).__name__} is no source: give one of penstock.datastream.connectors")
    return source.definition()
