"""What the file sink promises, told of any file system. Used by the local test here and by the S3 integration test."""

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import cloudpickle
import pytest

from penstock.connectors.files.compaction import Compaction, Compactor, CompactStrategy
from penstock.connectors.files.parts import PartLost
from penstock.connectors.files.rolling import Rolling
from penstock.connectors.files.sink import FileCommitter, FileSink, FileWriter
from penstock.filesystems.registry import open_filesystem
from penstock.formats.files import LineFormat
from penstock.formats.lines import SimpleStringEncoder
from penstock.operators.contract import Batch
from tests.integration.sink_context import sink_context

KEEP_OPEN = Rolling(rollover_ms=60_000, inactivity_ms=60_000, is_at_checkpoint=False)


class Clock:
    """Seconds that stand still unless told; travels by pickle as the one it is."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        _CLOCKS[self._name] = 0.0

    def forward(self, seconds: float) -> None:
        _CLOCKS[self._name] += seconds

    def __call__(self) -> float:
        return _CLOCKS[self._name]


_CLOCKS: dict[str, float] = {}


class FileSinkPromises:
    """Subclasses give the fixtures `base` (a URI) and `configuration`."""

    def start(
        self,
        sink: FileSink,
        configuration: Mapping[str, str],
        attempt: int = 1,
        committables: Any = (),
        states: Any = (),
    ) -> tuple[FileWriter, FileCommitter]:
        sink = cloudpickle.loads(cloudpickle.dumps(sink))
        context = dataclasses.replace(sink_context(0, 1), attempt=attempt, configuration=configuration)
        committer = sink.create_committer()
        committer.open(context)
        committer.commit(committables)
        writer = sink.create_writer()
        writer.open(context, states, None)
        return writer, committer

    def visible(self, base: str, configuration: Mapping[str, str]) -> list[str]:
        filesystem = open_filesystem(base, configuration)
        shown = [one.path for one in filesystem.list(base) if "/." not in one.path]
        return sorted(line for path in shown for line in filesystem.read(path).decode().splitlines())

    def test_rows_appear_with_the_commit_and_not_before(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        writer, committer = self.start(FileSink(base), configuration)
        writer.write(Batch(["a", "b"]))
        prepared = writer.prepare_commit(1)
        writer.write(Batch(["c"]))
        assert self.visible(base, configuration) == []
        committer.commit(prepared)
        assert self.visible(base, configuration) == ["a", "b"]
        committer.commit(prepared)
        committer.commit(writer.prepare_commit(2))
        assert self.visible(base, configuration) == ["a", "b", "c"]
        assert writer.prepare_commit(3) == []
        writer.close()
        committer.close()

    def test_a_crash_after_the_checkpoint_commits_on_restore_and_removes_the_rest(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        writer, _ = self.start(FileSink(base), configuration)
        writer.write(Batch(["kept"]))
        prepared = writer.prepare_commit(1)
        writer.write(Batch(["after the barrier"]))
        restored, committer = self.start(FileSink(base), configuration, attempt=2, committables=prepared)
        assert self.visible(base, configuration) == ["kept"]
        assert self.unfinished(base, configuration) == 0
        restored.write(Batch(["again"]))
        committer.commit(restored.prepare_commit(2))
        assert self.visible(base, configuration) == ["again", "kept"]
        again, _ = self.start(FileSink(base), configuration, attempt=3, committables=prepared)
        assert self.visible(base, configuration) == ["again", "kept"]
        for one in (again, restored, writer):
            one.close()

    def test_parts_roll_by_size_and_buckets_are_folders(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        sink = FileSink(
            base, bucket=lambda record: record[0], part_bytes=10, part_prefix="p", part_suffix=".txt"
        )
        writer, committer = self.start(sink, configuration)
        for number in range(4):
            writer.write(Batch([f"a{number}-----", f"b{number}"]))
        committer.commit(writer.prepare_commit(1))
        paths = [one.path[len(base) :] for one in open_filesystem(base, configuration).list(base)]
        assert len([path for path in paths if path.startswith("/a/p-")]) == 2
        assert len([path for path in paths if path.startswith("/b/p-")]) == 1
        assert all(path.endswith(".txt") for path in paths)
        writer.close()

    def test_closing_leaves_nothing_unfinished(self, base: str, configuration: dict[str, str]) -> None:
        writer, _ = self.start(FileSink(base), configuration)
        writer.write(Batch(["x"]))
        assert self.unfinished(base, configuration) == 1
        writer.close()
        assert self.unfinished(base, configuration) == 0

    def test_a_part_that_was_removed_is_reported(self, base: str, configuration: dict[str, str]) -> None:
        writer, committer = self.start(FileSink(base), configuration)
        writer.write(Batch(["x"]))
        prepared = writer.prepare_commit(1)
        self.remove_unfinished(base, configuration)
        with pytest.raises(PartLost, match="there is nothing and no unfinished part"):
            committer.commit(prepared)
        writer.close()

    def test_a_part_stays_open_over_checkpoints_and_ends_when_the_policy_says(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        now = Clock()
        writer, committer = self.start(FileSink(base, rolling=KEEP_OPEN, clock=now), configuration)
        writer.write(Batch(["a"]))
        assert writer.prepare_commit(1) == []
        writer.write(Batch(["b"]))
        assert writer.prepare_commit(2) == []
        assert self.visible(base, configuration) == []
        now.forward(61)
        committer.commit(writer.prepare_commit(3))
        assert self.visible(base, configuration) == ["a", "b"]
        assert writer.snapshot() == []
        assert self.everything(base, configuration) == 1
        writer.close()

    def test_an_open_part_is_restored_up_to_its_barrier(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        sink = FileSink(base, rolling=KEEP_OPEN)
        writer, _ = self.start(sink, configuration)
        writer.write(Batch(["a"]))
        assert writer.prepare_commit(1) == []
        writer.write(Batch(["b"]))
        assert writer.prepare_commit(2) == []
        states = writer.snapshot()
        writer.write(Batch(["after the barrier", "x" * (6 << 20)]))
        assert writer.prepare_commit(3) == []  # never completes
        writer.close()
        restored, committer = self.start(sink, configuration, attempt=2, states=states)
        assert self.visible(base, configuration) == ["a", "b"]
        restored.write(Batch(["c"]))
        restored.flush()
        committer.commit(restored.prepare_commit(3))
        assert self.visible(base, configuration) == ["a", "b", "c"]
        assert self.unfinished(base, configuration) == 0
        again, _ = self.start(sink, configuration, attempt=3, states=states)
        assert self.visible(base, configuration) == ["a", "b", "c"]
        assert self.everything(base, configuration) == 2
        for one in (again, restored):
            one.close()

    def test_an_older_snapshot_finds_the_part_that_was_finished_since(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        sink = FileSink(base, rolling=KEEP_OPEN)
        writer, committer = self.start(sink, configuration)
        writer.write(Batch(["a"]))
        writer.prepare_commit(1)
        savepoint = writer.snapshot()
        writer.write(Batch(["b"]))
        writer.flush()
        committer.commit(writer.prepare_commit(2))
        writer.close()
        restored, _ = self.start(sink, configuration, attempt=2, states=savepoint)
        assert self.visible(base, configuration) == ["a", "b"]
        restored.close()

    def test_an_open_part_that_is_gone_is_reported(self, base: str, configuration: dict[str, str]) -> None:
        sink = FileSink(base, rolling=KEEP_OPEN)
        writer, _ = self.start(sink, configuration)
        writer.write(Batch(["a"]))
        writer.prepare_commit(1)
        states = writer.snapshot()
        self.remove_unfinished(base, configuration)
        with pytest.raises(PartLost):
            self.start(sink, configuration, attempt=2, states=states)
        writer.close()

    @pytest.mark.parametrize("mode", ["concat", "records"])
    def test_small_parts_become_one_file(self, base: str, configuration: dict[str, str], mode: Any) -> None:
        compactor = Compactor(mode, format=LineFormat())
        compaction = Compaction(CompactStrategy(checkpoints=3), compactor, encode=SimpleStringEncoder())
        writer, committer = self.start(FileSink(base, compaction=compaction), configuration)
        for number in (1, 2):
            writer.write(Batch([f"r{number}"]))
            assert writer.prepare_commit(number) == []
        assert self.visible(base, configuration) == []
        writer.write(Batch(["r3"]))
        requests = writer.prepare_commit(3)
        assert writer.snapshot() == []
        committer.commit(requests)
        committer.commit(requests)
        assert self.visible(base, configuration) == ["r1", "r2", "r3"]
        assert self.everything(base, configuration) == 1
        writer.close()

    def test_parts_that_wait_for_compaction_are_restored(
        self, base: str, configuration: dict[str, str]
    ) -> None:
        compaction = Compaction(CompactStrategy(size_threshold=1 << 20), Compactor())
        sink = FileSink(base, compaction=compaction)
        writer, _ = self.start(sink, configuration)
        writer.write(Batch(["kept"]))
        assert writer.prepare_commit(1) == []
        states = writer.snapshot()
        writer.write(Batch(["after"]))
        writer.prepare_commit(2)
        writer.close()
        for attempt in (2, 3):
            restored, _ = self.start(sink, configuration, attempt=attempt, states=states)
            assert self.visible(base, configuration) == ["kept"]
            assert self.everything(base, configuration) == 1
            restored.close()

    def everything(self, base: str, configuration: Mapping[str, str]) -> int:
        """All objects, hidden ones too."""
        return len(open_filesystem(base, configuration).list(base))

    unfinished: Callable[..., int]
    remove_unfinished: Callable[..., None]
