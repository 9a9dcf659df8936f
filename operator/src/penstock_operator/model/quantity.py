"""Amounts as Kubernetes writes them (`500m`, `1Gi`) and memory as Flink writes it (`1024m` is 1024 MiB). Pure."""

import re
from decimal import Decimal

_KUBERNETES = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
_FLINK = {
    "": 0, "b": 0, "bytes": 0, "k": 1, "kb": 1, "kibibytes": 1, "m": 2, "mb": 2, "mebibytes": 2,
    "g": 3, "gb": 3, "gibibytes": 3, "t": 4, "tb": 4, "tebibytes": 4,
}  # fmt: skip
_SHAPE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)")
_FLINK_SHAPE = re.compile(r"(\d+)\s*([a-zA-Z]*)")


def parse_quantity(text: str) -> Decimal:
    """The amount; raises ValueError saying what is expected."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None or match[2] not in _KUBERNETES:
        raise ValueError(f"{text!r} is not an amount: write it as 500m, 2 or 1Gi")
    return Decimal(match[1]) * _KUBERNETES[match[2]]


def parse_memory(text: str) -> Decimal:
    """Bytes: as Flink reads the text if it can, else as Kubernetes does; raises ValueError saying what is expected."""
    match = _FLINK_SHAPE.fullmatch(text.strip())
    if match is not None and match[2].lower() in _FLINK:
        return Decimal(match[1]) * Decimal(1024) ** _FLINK[match[2].lower()]
    try:
        return parse_quantity(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a size: write it as 1024m or 1Gi") from None
