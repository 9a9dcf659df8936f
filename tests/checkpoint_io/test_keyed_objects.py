"""State objects: chunks by key group, read back by range, with offsets that hold and damage that is told."""

from pathlib import Path

import pytest

from penstock.checkpoint.keyed_io import read_blob, read_keyed, write_blob, write_keyed
from penstock.filesystems.local import LocalFileSystem
from penstock.state.errors import StateUnreadable
from penstock_api.manifest import StateObject

CHUNKS = {0: b"a" * 10, 3: b"b" * 5000, 4: b"c", 9: b"d" * 700}


def test_ranges_are_read_by_offset(tmp_path: Path) -> None:
    filesystem = LocalFileSystem()
    stored = write_keyed(filesystem, str(tmp_path), "op-0-keyed", (20, 29), CHUNKS)
    assert stored is not None
    assert stored.object.size == (tmp_path / "op-0-keyed").stat().st_size
    everything = dict(read_keyed(filesystem, str(tmp_path), stored, 0, 127))
    assert everything == {20 + group: data for group, data in CHUNKS.items()}
    for first in range(18, 32):
        for last in range(first, 32):
            part = dict(read_keyed(filesystem, str(tmp_path), stored, first, last))
            assert part == {group: data for group, data in everything.items() if first <= group <= last}


def test_nothing_is_written_for_empty_state(tmp_path: Path) -> None:
    assert write_keyed(LocalFileSystem(), str(tmp_path), "x", (0, 5), {}) is None
    assert list(tmp_path.iterdir()) == []


def test_blobs_come_back(tmp_path: Path) -> None:
    filesystem = LocalFileSystem()
    stored = write_blob(filesystem, str(tmp_path), "blob", b"z" * 2000)
    assert stored.size == (tmp_path / "blob").stat().st_size < 2000
    assert read_blob(filesystem, str(tmp_path), stored) == b"z" * 2000
    assert (
        read_blob(filesystem, "/nowhere", StateObject(path=str(tmp_path / "blob"), size=stored.size))
        == b"z" * 2000
    )


def test_damage_is_told(tmp_path: Path) -> None:
    filesystem = LocalFileSystem()
    stored = write_keyed(filesystem, str(tmp_path), "k", (0, 9), CHUNKS)
    assert stored is not None
    data = (tmp_path / "k").read_bytes()
    (tmp_path / "k").write_bytes(data[:-5])
    with pytest.raises(StateUnreadable, match="too short"):
        list(read_keyed(filesystem, str(tmp_path), stored, 0, 9))
    (tmp_path / "k").write_bytes(b"\x07" + data[1:])
    with pytest.raises(StateUnreadable, match="no known packing"):
        list(read_keyed(filesystem, str(tmp_path), stored, 0, 9))
