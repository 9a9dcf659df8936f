"""Keys equal in Python are one key: same bytes, same hash, in every process; all else is told apart or refused."""

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_api.keys import KeyTypeError, encode_key, hash_bytes, hash_key

finite = st.floats(allow_nan=False)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
zones = st.one_of(
    st.none(), offsets, st.sampled_from([ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")])
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.5, 1e300, float("inf")]),
    finite,
    st.decimals(allow_nan=False, places=3),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.dates(),
    st.datetimes(timezones=zones),
    st.times(timezones=st.one_of(st.none(), offsets)),
    st.timedeltas(),
    st.uuids(),
)
keys = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


class Colour(Enum):
    RED = 1
    BLUE = 2


class Shape(Enum):
    RED = 1


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    HELLO = "hello"


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class User:
    name: str
    age: int
    seen: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Customer:
    name: str
    age: int


@dataclass
class Changing:
    name: str


class Row:
    def __init__(self, *values: Any) -> None:
        self.values = values

    def __penstock_key__(self) -> tuple[Any, ...]:
        return self.values


@given(keys, keys)
def test_equal_keys_have_equal_bytes_and_unequal_ones_do_not(one: Any, other: Any) -> None:
    assert (encode_key(one) == encode_key(other)) == (one == other)


@given(keys)
def test_the_short_ways_to_the_hash_agree_with_the_long_one(key: Any) -> None:
    assert hash_key(key) == hash_bytes(encode_key(key))
    assert 0 <= hash_key(key) < 1 << 64


@given(st.integers(-(10**30), 10**30))
def test_a_number_is_one_key_however_it_is_typed(number: int) -> None:
    assert encode_key(number) == encode_key(Decimal(number))
    assert encode_key(Decimal(number)) == encode_key(Decimal(f"{number}.000"))
    if float(number) == number:
        assert encode_key(number) == encode_key(float(number))


@given(finite)
def test_a_float_and_its_exact_decimal_are_one_key(number: float) -> None:
    if abs(number) != float("inf"):
        assert encode_key(number) == encode_key(Decimal(number))


@given(st.datetimes(min_value=datetime(1902, 1, 1), max_value=datetime(2037, 1, 1)), offsets, offsets)  # noqa: DTZ001
def test_one_moment_in_two_zones_is_one_key(moment: datetime, one: timezone, other: timezone) -> None:
    aware = moment.replace(tzinfo=one)
    assert encode_key(aware) == encode_key(aware.astimezone(other))
    assert encode_key(aware) != encode_key(moment)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0.0, -0.0),
        (1, 1.0),
        (1, Decimal(1)),
        (0.5, Decimal("0.50")),
        (10**25, Decimal("1E+25")),
        (float("inf"), Decimal("Infinity")),
        (Level.LOW, 1),
        (Word.HELLO, "hello"),
        (Point(1, 2), (1, 2)),
        (Row(1, "a"), (1, "a")),
        (type("int32", (), {"__module__": "numpy", "ndim": 0, "item": lambda self: 7})(), 7),
        (User("a", 1), User("a", 1, seen=9)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
        (
            datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        ),
        (time(12, tzinfo=UTC), time(13, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_these_are_one_key(one: Any, other: Any) -> None:
    assert encode_key(one) == encode_key(other)
    assert hash_key(one) == hash_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", 1),
        ("a", b"a"),
        (None, "None"),
        (date(2026, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
        (Colour.RED, Colour.BLUE),
        (Colour.RED, Shape.RED),
        (User("a", 1), Customer("a", 1)),
        (User("a", 1), ("a", 1)),
        (("ab", "c"), ("a", "bc")),
        ((1, (2, 3)), ((1, 2), 3)),
        ((), (None,)),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("0.1"), 0.1),
        ("a", "a\0"),
        ("\ud800", "\ud801"),
    ],
)
def test_these_are_two_keys(one: Any, other: Any) -> None:
    assert encode_key(one) != encode_key(other)
    assert hash_key(one) != hash_key(other)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ([1], r"list cannot be a key.*use tuple\(\.\.\.\)"),
        ({"a": 1}, "dict cannot be a key.*items"),
        ({1}, "set cannot be a key.*sorted"),
        (bytearray(b"a"), r"bytearray cannot be a key.*bytes\(\.\.\.\)"),
        (1j, "complex cannot be a key"),
        (object(), "object cannot be a key.*frozen dataclass"),
        (Changing("a"), r"Changing cannot be a key: it can change.*frozen=True"),
        (float("nan"), "NaN cannot be a key"),
        (Decimal("NaN"), "NaN cannot be a key"),
        (("a", [1]), "list cannot be a key"),
        (Decimal("1E+20000"), "digits cannot be a key"),
        (User, "cannot be a key"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_fix(key: Any, message: str) -> None:
    with pytest.raises(KeyTypeError, match=message):
        encode_key(key)
    with pytest.raises(KeyTypeError):
        hash_key(key)


def test_another_process_with_another_hash_seed_gives_the_same_hash() -> None:
    code = "from penstock_api.keys import hash_key; print(hash_key(('user', 1, 2.5, None)))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert seen == {f"{hash_key(('user', 1, 2.5, None))}\n"}
