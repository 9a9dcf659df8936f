"""What the file sink promises, told of any file system. Used by the local test here and by the S3 integration test."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import cloudpickle
import pytest

from penstock.connectors.files.parts import PartLost
from penstock.connectors.files.sink import FileCommitter, FileSink, FileWriter
from penstock.filesystems.registry import open_filesystem
from penstock.operators.contract import Batch
from tests.integration.sink_context import sink_context


class FileSinkPromises:
    """Subclasses give the fixtures `base` (a URI) and `configuration`."""

    def start(
        self, sink: FileSink, configuration: Mapping[str, str], attempt: int = 1, committables: Any = ()
    ) -> tuple[FileWriter, FileCommitter]:
        sink = cloudpickle.loads(cloudpickle.dumps(sink))
        context = dataclasses.replace(sink_context(0, 1), attempt=attempt, configuration=configuration)
        committer = sink.create_committer()
        committer.open(context)
        committer.commit(committables)
        writer = sink.create_writer()
        writer.open(context, [], None)
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

    unfinished: Callable[..., int]
    remove_unfinished: Callable[..., None]
