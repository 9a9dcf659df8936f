"""The autoscaler's memory as bytes and back: gzipped JSON, for the ConfigMap `autoscaler-<name>`. Pure.

A memory that cannot be read is an empty one: what was learnt is learnt again, and nothing else depends on it.
"""

import gzip
import json
import zlib
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from penstock_operator.autoscale.decision import Memento

_MEMENTO: TypeAdapter[Memento] = TypeAdapter(Memento)
LIMIT = 900_000
"""Bytes that fit into a ConfigMap beside its metadata (it takes 1 MiB)."""


def encode(memento: Memento) -> bytes:
    """The memory as bytes; the oldest samples are left out where it would not fit."""
    while True:
        text = json.dumps(_MEMENTO.dump_python(memento, mode="json"), separators=(",", ":"))
        packed = gzip.compress(text.encode(), mtime=0)
        if len(packed) <= LIMIT or not memento.samples:
            return packed
        half = memento.samples[len(memento.samples) // 2 :] if len(memento.samples) > 1 else ()
        memento = replace(memento, samples=half)


def decode(packed: bytes | None) -> Memento:
    """The memory of these bytes; an empty one where there are none or they make no sense."""
    if not packed:
        return Memento()
    try:
        return _MEMENTO.validate_json(gzip.decompress(packed))
    except (ValidationError, OSError, EOFError, zlib.error):
        return Memento()
