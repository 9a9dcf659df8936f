"""Connectors as programs use them; the machinery is in `penstock.connectors`.

Kafka's classes also stand here, where older programs import them; they are loaded when asked for.
"""

import importlib
from typing import Any

from penstock.datastream.connectors.base import DeliveryGuarantee, Sink, Source

__all__ = ["DeliveryGuarantee", "Sink", "Source"]

_ELSEWHERE = (
    "penstock.datastream.connectors.kafka",
    "penstock.datastream.connectors.file_system",
    "penstock.datastream.connectors.number_seq",
)


def __getattr__(name: str) -> Any:
    """A connector's class by its name alone, as PyFlink once had them."""
    if not name.startswith("_"):
        for module in _ELSEWHERE:
            found = getattr(importlib.import_module(module), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
