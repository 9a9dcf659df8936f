"""The local file system keeps the port's promises."""

import threading
from pathlib import Path

import pytest

from penstock.filesystems.errors import BadPath, FileMissing, UnknownScheme
from penstock.filesystems.local import LocalFileSystem
from penstock.filesystems.registry import open_filesystem, scheme_of


@pytest.fixture
def files() -> LocalFileSystem:
    return LocalFileSystem()


def test_written_bytes_are_read_back_whole_and_in_part(files: LocalFileSystem, tmp_path: Path) -> None:
    path = (tmp_path / "deep" / "er" / "object").as_uri()
    files.write(path, b"0123456789")
    assert files.read(path) == b"0123456789"
    assert files.read_range(path, 3, 4) == b"3456"
    assert files.read_range(path, 8, 10) == b"89"
    assert files.read_range(path, 20, 10) == b""
    assert files.size(path) == 10


def test_a_second_write_replaces_the_first(files: LocalFileSystem, tmp_path: Path) -> None:
    path = str(tmp_path / "object")
    files.write(path, b"old and longer")
    files.write(path, b"new")
    assert files.read(path) == b"new"


def test_only_one_of_many_racing_claims_wins(files: LocalFileSystem, tmp_path: Path) -> None:
    path = (tmp_path / "attempt-1").as_uri()
    won: list[int] = []

    def claim(number: int) -> None:
        if files.put_if_absent(path, str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read(path) == str(won[0]).encode()
    assert [status.path for status in files.list(tmp_path.as_uri())] == [path]


def test_listing_is_deep_sorted_and_in_the_spelling_asked_for(files: LocalFileSystem, tmp_path: Path) -> None:
    for name in ("b/2", "a", "b/1"):
        files.write(str(tmp_path / name), b"x")
    assert [status.path for status in files.list(str(tmp_path))] == [
        str(tmp_path / name) for name in ("a", "b/1", "b/2")
    ]
    listed = files.list(tmp_path.as_uri() + "/")
    assert listed[0].path == (tmp_path / "a").as_uri()
    assert listed[0].size == 1
    assert listed[0].modified_ms > 0
    assert files.list(str(tmp_path / "absent")) == []


def test_deleting_is_idempotent(files: LocalFileSystem, tmp_path: Path) -> None:
    path = str(tmp_path / "folder" / "object")
    files.write(path, b"x")
    files.delete(path)
    files.delete(path)
    files.delete_prefix(str(tmp_path / "folder"))
    files.delete_prefix(str(tmp_path / "folder"))
    assert files.size(path) is None


def test_rename_replaces_the_target(files: LocalFileSystem, tmp_path: Path) -> None:
    source, target = str(tmp_path / "source"), str(tmp_path / "made" / "target")
    files.write(source, b"1")
    files.rename(source, target)
    assert files.read(target) == b"1"
    assert files.size(source) is None


def test_a_missing_object_is_named(files: LocalFileSystem, tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="absent"):
        files.read(str(tmp_path / "absent"))
    assert files.size(str(tmp_path)) is None


def test_schemes_choose_the_file_system(tmp_path: Path) -> None:
    assert open_filesystem(str(tmp_path), {}) is open_filesystem("file:///x", {"s3.endpoint": "ignored"})
    assert scheme_of("s3a://bucket/key") == "s3"
    with pytest.raises(UnknownScheme, match="gopher"):
        open_filesystem("gopher://x/y", {})
    with pytest.raises(BadPath, match="three slashes"):
        LocalFileSystem().read("file://host/x")
