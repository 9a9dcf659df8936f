"""One entry of keyed state as two byte strings: what the rocksdb backend stores, and what RAW frames hold.

Pure. The stored key is the key's canonical bytes and the namespace; equal ones are equal bytes. Where the canonical
bytes do not say which value they came from (True and 1 have the same), the value carries the key as well.
"""

import struct
from collections.abc import Callable
from typing import Any

from penstock.state.codec import dump_value, load_state
from penstock.state.errors import StateUnreadable

_SIZE = struct.Struct(">I")
_PAIR = struct.Struct(">QQ")
_SIGN = 1 << 63
_INT64_MIN, _INT64_MAX = -_SIGN, _SIGN - 1
_VALUE_ONLY, _WITH_KEY = b"\x00", b"\x01"


def is_plain_key(key: Any) -> bool:
    """The canonical bytes alone give this very key back."""
    kind = type(key)
    return kind is str or kind is bytes or (kind is int and _INT64_MIN <= key <= _INT64_MAX)


def decode_plain_key(canonical: bytes) -> Any:
    """The key of those canonical bytes, for keys that `is_plain_key`."""
    tag, body = canonical[:1], canonical[1:]
    if tag == b"i":
        return int.from_bytes(body, "little", signed=True)
    return body.decode("utf-8", "surrogatepass") if tag == b"s" else bytes(body)


def encode_namespace(namespace: Any) -> bytes:
    """Bytes of a namespace: short for windows, a pickle for anything unusual."""
    if namespace is None:
        return b""
    if type(namespace) is tuple and len(namespace) == 2:
        start, end = namespace
        if type(start) is int and type(end) is int and -_SIGN <= start < _SIGN and -_SIGN <= end < _SIGN:
            return b"w" + _PAIR.pack(start + _SIGN, end + _SIGN)
    if type(namespace) is str:
        return b"s" + namespace.encode("utf-8", "surrogatepass")
    return b"p" + dump_value(namespace)


Load = Callable[[bytes, str], Any]
"""`load_state`, or a tool's way of loading."""


def decode_namespace(data: bytes, where: str, load: Load = load_state) -> Any:
    """The namespace of those bytes."""
    if not data:
        return None
    tag, body = data[:1], data[1:]
    if tag == b"w":
        start, end = _PAIR.unpack(body)
        return start - _SIGN, end - _SIGN
    return body.decode("utf-8", "surrogatepass") if tag == b"s" else load(body, where)


def stored_key(canonical: bytes, namespace: bytes) -> bytes:
    """The two as one, to be taken apart by `split_stored_key`."""
    return _SIZE.pack(len(canonical)) + canonical + namespace


def split_stored_key(stored: bytes, where: str) -> tuple[bytes, bytes]:
    """Canonical key and namespace bytes."""
    try:
        (size,) = _SIZE.unpack_from(stored)
    except struct.error as error:
        raise StateUnreadable(f"state of {where} is damaged: {error}") from error
    end = _SIZE.size + size
    return stored[_SIZE.size : end], stored[end:]


def encode_value(key: Any, value: Any) -> bytes:
    """What is stored for the value of that key."""
    if is_plain_key(key):
        return _VALUE_ONLY + dump_value(value)
    return _WITH_KEY + dump_value((key, value))


def decode_value(stored: bytes, where: str) -> Any:
    """The value alone."""
    value = load_state(stored[1:], where)
    return value if stored[:1] == _VALUE_ONLY else value[1]


def decode_entry(key: bytes, value: bytes, where: str, load: Load = load_state) -> tuple[Any, Any, Any]:
    """(key, namespace, value) of one stored entry."""
    canonical, namespace = split_stored_key(key, where)
    space = decode_namespace(namespace, where, load)
    loaded = load(value[1:], where)
    if value[:1] == _VALUE_ONLY:
        return decode_plain_key(canonical), space, loaded
    return loaded[0], space, loaded[1]
