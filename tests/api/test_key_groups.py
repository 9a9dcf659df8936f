"""Key groups: the vectors that hold the encoding in place, their spread, and Flink's ranges."""

import base64
import json
import struct
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_api.keys import (
    KeyGroups,
    KeyTypeError,
    default_max_parallelism,
    encode_key,
    hash_key,
    key_group,
    key_group_range,
    subtask_of,
)

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "key_vectors.json").read_text("utf-8"))

READERS: dict[str, Any] = {
    "null": lambda _: None,
    "bool": bool,
    "int": int,
    "float": float.fromhex,
    "str": str,
    "bytes": base64.b64decode,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda micros: timedelta(microseconds=micros),
    "decimal": Decimal,
    "uuid": UUID,
    "tuple": lambda parts: tuple(READERS[part["type"]](part["value"]) for part in parts),
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['type']}-{vector['value']}"[:40])
def test_vector(vector: dict[str, Any]) -> None:
    key = READERS[vector["type"]](vector["value"])
    assert encode_key(key).hex() == vector["encoded"]
    assert f"{hash_key(key):016x}" == vector["hash"]
    assert key_group(key, 128) == vector["group_of_128"]
    assert KeyGroups(128)(key) == vector["group_of_128"]


def wrapping(number: int) -> int:
    """What an unsigned 64-bit word would hold."""
    return number % (1 << 64)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['type']}-{vector['value']}"[:40])
def test_column_arithmetic_of_the_reference_page_gives_the_same_hash(vector: dict[str, Any]) -> None:
    encoded = bytes.fromhex(vector["encoded"])
    tag, value = encoded[0], encoded[1:]
    padded = value + bytes(-len(value) % 8 or (0 if value else 8))
    *words, last = struct.unpack(f"<{len(padded) // 8}Q", padded)
    mixed = wrapping((256 * len(value) + tag) * 0x9E3779B97F4A7C15)
    for word in words:
        mixed = wrapping((mixed ^ word) * 0xFF51AFD7ED558CCD)
        mixed ^= mixed >> 32
    mixed = wrapping((mixed ^ last) * 0xFF51AFD7ED558CCD)
    mixed = wrapping((mixed ^ (mixed >> 32)) * 0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> 29
    assert f"{mixed:016x}" == vector["hash"]


parallelisms = st.integers(1, 32768).flatmap(
    lambda most: st.tuples(st.just(most), st.integers(1, most), st.integers(0, most - 1))
)


@given(parallelisms)
def test_every_group_is_in_the_range_of_its_subtask(case: tuple[int, int, int]) -> None:
    most, parallelism, group = case
    first, last = key_group_range(most, parallelism, subtask_of(group, most, parallelism))
    assert first <= group <= last


@given(st.integers(1, 500).flatmap(lambda most: st.tuples(st.just(most), st.integers(1, most))))
def test_ranges_cover_all_groups_once(case: tuple[int, int]) -> None:
    most, parallelism = case
    ranges = [key_group_range(most, parallelism, index) for index in range(parallelism)]
    assert [group for first, last in ranges for group in range(first, last + 1)] == list(range(most))
    sizes = [last - first + 1 for first, last in ranges]
    assert max(sizes) - min(sizes) <= 1


def test_ranges_are_flinks() -> None:
    assert [key_group_range(128, 3, index) for index in range(3)] == [(0, 42), (43, 85), (86, 127)]
    assert [key_group_range(10, 4, index) for index in range(4)] == [(0, 2), (3, 4), (5, 7), (8, 9)]


@pytest.mark.parametrize(("index", "parallelism"), [(-1, 2), (2, 2), (0, 129)])
def test_a_range_that_is_not_there_is_refused(index: int, parallelism: int) -> None:
    with pytest.raises(ValueError, match="no key groups for subtask"):
        key_group_range(128, parallelism, index)


@pytest.mark.parametrize(
    ("parallelism", "expected"),
    [(1, 128), (85, 128), (86, 256), (128, 256), (200, 512), (20000, 32768), (32768, 32768)],
)
def test_default_max_parallelism_is_flinks(parallelism: int, expected: int) -> None:
    assert default_max_parallelism(parallelism) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda i: i,
        lambda i: i * 1024,
        lambda i: f"user-{i}",
        lambda i: f"/a/rather/long/path/to/page/{i}",
        lambda i: i + 0.5,
        lambda i: (i, "clicks"),
    ],
)
def test_keys_spread_over_the_groups(make: Any) -> None:
    counts = [0] * 128
    for index in range(20_000):
        counts[key_group(make(index), 128)] += 1
    expected = 20_000 / 128
    assert sum((count - expected) ** 2 / expected for count in counts) < 200  # chi-squared, 127 degrees


def test_remembered_groups_are_the_same_and_bounded() -> None:
    groups = KeyGroups(128, bound=4)
    for key in [1, "a", (1, 2), 1.0, "b", "c", "d", "a", None]:
        assert groups(key) == key_group(key, 128)
    assert groups.max_parallelism == 128
    with pytest.raises(KeyTypeError, match="list cannot be a key"):
        groups([1])
