"""Keys: their canonical bytes, their hash, their key group, and which subtask owns a group (Decision 13).

Called by the runtime for every keyed record, on the row path and (the same arithmetic, vectorised) on the column path;
by tools that read state. Keys that are equal in Python have equal bytes, in every process and version of Penstock, so
nothing here may ever change for a value that it accepts today: `tests/api/key_vectors.json` holds it in place.

The hash is made of 64-bit multiplications and shifts over little-endian words, so that a column kernel is a few lines.
A key group comes from the upper half of the hash; hash tables inside a group are free to use the lower half.
"""

import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

MAX_PARALLELISM = 32768
"""The most key groups that a job can have."""

_MASK = 0xFFFFFFFFFFFFFFFF
_MULTIPLIER = 0xFF51AFD7ED558CCD
_FINALIZER = 0xC4CEB9FE1A85EC53
_LENGTH = 0x9E3779B97F4A7C15
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_DECIMAL_DIGITS = 10_000
"""A Decimal with a longer whole part is refused rather than written out."""

_FLOAT = struct.Struct("<d")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the difference of two naive times
_TAG_INT, _TAG_STR = 0x69, 0x73


class KeyTypeError(TypeError):
    """A value that cannot be a key; the message names its type and what to use instead."""


# ---------------------------------------------------------------------------------------------- canonical bytes


def encode_key(key: Any) -> bytes:
    """The canonical bytes of a key: a tag, then the value. Equal keys have equal bytes, unequal keys unequal ones.

    Raises KeyTypeError for a type that has no stable identity, and for NaN, which equals nothing.
    """
    encoder = _ENCODERS.get(type(key))
    return encoder(key) if encoder is not None else _encode_by_kind(key)


def _encode_none(_: None) -> bytes:
    return b"n"


def _encode_int(key: int) -> bytes:
    if _INT64_MIN <= key <= _INT64_MAX:
        return b"i" + int(key).to_bytes(8, "little", signed=True)
    size = (key.bit_length() + 8) // 8
    return b"I" + key.to_bytes(size, "little", signed=True)


def _encode_float(key: float) -> bytes:
    if key.is_integer():
        return _encode_int(int(key))
    if key != key:
        raise KeyTypeError("NaN cannot be a key: it does not equal itself. Replace it by None or by a text")
    return b"f" + _FLOAT.pack(key)


def _encode_str(key: str) -> bytes:
    return b"s" + str.encode(key, "utf-8", "surrogatepass")


def _encode_bytes(key: bytes) -> bytes:
    return b"b" + key


def _encode_datetime(key: datetime) -> bytes:
    # Python compares two times of one zone without their fold, and so must we.
    moment = key.replace(fold=0)
    offset = moment.utcoffset()
    wall = (moment.replace(tzinfo=None) - _EPOCH) // _MICROSECOND
    if offset is None:
        return b"t" + _signed(wall)
    return b"T" + _signed(wall - offset // _MICROSECOND)


def _encode_date(key: date) -> bytes:
    return b"d" + _signed(key.toordinal())


def _encode_time(key: time) -> bytes:
    moment = key.replace(fold=0)
    offset = moment.utcoffset()
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    wall = seconds * 1_000_000 + moment.microsecond
    if offset is None:
        return b"c" + _signed(wall)
    return b"C" + _signed(wall - offset // _MICROSECOND)


def _encode_timedelta(key: timedelta) -> bytes:
    return b"D" + _signed(key // _MICROSECOND, 16)


def _encode_decimal(key: Decimal) -> bytes:
    if key.is_nan():
        raise KeyTypeError(
            "Decimal NaN cannot be a key: it does not equal itself. Replace it by None or by a text"
        )
    if not key.is_finite():
        return _encode_float(float(key))
    sign, all_digits, exponent = key.as_tuple()
    digits = "".join(map(str, all_digits)).rstrip("0")
    scale = int(exponent) + len(all_digits) - len(digits)
    if not digits:
        return _encode_int(0)
    if scale >= 0:
        if scale + len(digits) > _DECIMAL_DIGITS:
            raise KeyTypeError(
                f"A Decimal of more than {_DECIMAL_DIGITS} digits cannot be a key: use its text"
            )
        return _encode_int((-1 if sign else 1) * int(digits) * 10**scale)
    near = float(key)
    if near - near == 0 and Decimal(near) == key:
        return _encode_float(near)
    return b"m" + f"{'-' if sign else ''}{digits}e{scale}".encode()


def _encode_uuid(key: UUID) -> bytes:
    return b"u" + key.bytes


def _encode_tuple(key: tuple[Any, ...]) -> bytes:
    return b"l" + b"".join(map(_sized, map(encode_key, key)))


def _encode_by_kind(key: Any) -> bytes:
    """Subclasses and user classes: as the built-in value that they equal, else by class and content."""
    as_tuple = getattr(type(key), "__penstock_key__", None)
    if as_tuple is not None:
        return _encode_tuple(tuple(as_tuple(key)))
    for kind, encoder in _KINDS:
        if isinstance(key, kind):
            return encoder(key)
    if isinstance(key, Enum):
        return b"e" + _sized(_class_name(key)) + key.name.encode()
    if is_dataclass(key) and not isinstance(key, type):
        return _encode_dataclass(key)
    if type(key).__module__ == "numpy" and getattr(key, "ndim", None) == 0:
        return encode_key(key.item())
    raise KeyTypeError(_refusal(key))


def _encode_dataclass(key: Any) -> bytes:
    parameters = type(key).__dataclass_params__
    if not (parameters.frozen and parameters.eq):
        raise KeyTypeError(
            f"{_type_name(key)} cannot be a key: it can change. Declare it @dataclass(frozen=True), or use a tuple"
        )
    values = tuple(getattr(key, field.name) for field in fields(key) if field.compare)
    return b"o" + _sized(_class_name(key)) + _encode_tuple(values)


def _refusal(key: Any) -> str:
    fix = _FIXES.get(type(key), "use a str, int, bytes, tuple or a frozen dataclass that says what it is")
    return f"{_type_name(key)} cannot be a key: it has no value that stays equal in every process; {fix}"


def _type_name(key: Any) -> str:
    kind = type(key)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _class_name(key: Any) -> bytes:
    return f"{type(key).__module__}.{type(key).__qualname__}".encode()


def _signed(value: int, size: int = 8) -> bytes:
    return value.to_bytes(size, "little", signed=True)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    str: _encode_str,
    int: _encode_int,
    tuple: _encode_tuple,
    float: _encode_float,
    bytes: _encode_bytes,
    bool: _encode_int,
    type(None): _encode_none,
    datetime: _encode_datetime,
    date: _encode_date,
    time: _encode_time,
    timedelta: _encode_timedelta,
    Decimal: _encode_decimal,
    UUID: _encode_uuid,
}
# An enumeration that is also a str or an int equals that str or int, so its mixed-in kind comes first.
_KINDS: tuple[tuple[type, Callable[[Any], bytes]], ...] = tuple(
    (kind, _ENCODERS[kind])
    for kind in (str, int, float, bytes, tuple, datetime, date, time, timedelta, Decimal, UUID)
)
_FIXES: dict[type, str] = {
    list: "use tuple(...)",
    bytearray: "use bytes(...)",
    memoryview: "use bytes(...)",
    set: "use tuple(sorted(...))",
    frozenset: "use tuple(sorted(...))",
    dict: "use tuple(sorted(d.items()))",
    complex: "use the tuple (z.real, z.imag)",
}

# --------------------------------------------------------------------------------------------------------- hash


def hash_key(key: Any) -> int:
    """The 64-bit hash of a key: `hash_bytes(encode_key(key))`, with short ways for str and int."""
    kind = type(key)
    if kind is str:
        return _hash_words(_TAG_STR, key.encode("utf-8", "surrogatepass"))
    if kind is int and _INT64_MIN <= key <= _INT64_MAX:
        mixed: int = (_START_INT ^ (key & _MASK)) * _MULTIPLIER & _MASK
        mixed = (mixed ^ mixed >> 32) * _FINALIZER & _MASK
        return mixed ^ mixed >> 29
    data = encode_key(key)
    return _hash_words(data[0], data[1:])


def hash_bytes(data: bytes) -> int:
    """The 64-bit hash of a key's canonical bytes."""
    return _hash_words(data[0], data[1:])


def _start(tag: int, size: int) -> int:
    return (size * 256 + tag) * _LENGTH & _MASK


_START_INT = _start(_TAG_INT, 8)


def _hash_words(tag: int, payload: bytes) -> int:
    """Fold the payload word by word (the last one padded with zeros) into a start that knows its tag and size."""
    size = len(payload)
    mixed = (size * 256 + tag) * _LENGTH & _MASK
    words = int.from_bytes(payload, "little")
    while size > 8:
        mixed = (mixed ^ (words & _MASK)) * _MULTIPLIER & _MASK
        mixed ^= mixed >> 32
        words >>= 64
        size -= 8
    mixed = (mixed ^ words) * _MULTIPLIER & _MASK
    mixed = (mixed ^ mixed >> 32) * _FINALIZER & _MASK
    return mixed ^ mixed >> 29


# --------------------------------------------------------------------------------------------------- key groups


def key_group(key: Any, max_parallelism: int) -> int:
    """The key group of a key, from the upper half of its hash: 0 to max_parallelism - 1."""
    return (hash_key(key) >> 32) * max_parallelism >> 32


class KeyGroups:
    """Key groups of many keys: `groups(key)` remembers the ones it has seen, up to a bound. One per thread."""

    __slots__ = ("_bound", "_known", "max_parallelism")

    def __init__(self, max_parallelism: int, bound: int = 65_536) -> None:
        self.max_parallelism = max_parallelism
        self._bound = bound
        self._known: dict[Any, int] = {}

    def __call__(self, key: Any) -> int:
        """The key group; the same as `key_group(key, max_parallelism)`."""
        try:
            return self._known[key]
        except KeyError:
            group = key_group(key, self.max_parallelism)
        except TypeError:  # not hashable in Python: named by the encoding, which may also accept it
            return key_group(key, self.max_parallelism)
        if len(self._known) >= self._bound:
            self._known.clear()
        self._known[key] = group
        return group


def key_group_range(max_parallelism: int, parallelism: int, index: int) -> tuple[int, int]:
    """The key groups of subtask `index`, first and last, both inclusive; as Flink assigns them."""
    if not 0 <= index < parallelism <= max_parallelism:
        raise ValueError(
            f"no key groups for subtask {index} of {parallelism} with max parallelism {max_parallelism}: "
            "the index must be below the parallelism, which must not exceed the max parallelism"
        )
    first = (index * max_parallelism + parallelism - 1) // parallelism
    last = ((index + 1) * max_parallelism - 1) // parallelism
    return first, last


def subtask_of(group: int, max_parallelism: int, parallelism: int) -> int:
    """The subtask that owns a key group; as Flink assigns them."""
    return group * parallelism // max_parallelism


def default_max_parallelism(parallelism: int) -> int:
    """The number of key groups of a job that does not set one: room to grow by half, at least 128."""
    wanted = parallelism + parallelism // 2
    power = 1 << max(wanted - 1, 0).bit_length()
    return min(max(power, 128), MAX_PARALLELISM)
