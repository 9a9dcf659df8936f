"""What `from_source`, `add_source`, `sink_to` and `add_sink` take; built by the connectors' builders."""

from abc import ABC, abstractmethod
from typing import Any

from penstock.connectors.kafka.sink import DeliveryGuarantee
from penstock.connectors.public import Sink, Source

__all__ = ["DeliveryGuarantee", "Sink", "Source", "StreamTransformer", "SupportsPreprocessing"]


class StreamTransformer(ABC):
    """Changes a stream on its way into a sink."""

    @abstractmethod
    def apply(self, ds: Any) -> Any:
        """The stream that the sink gets."""


class SupportsPreprocessing(ABC):
    """A sink that wants its stream changed first."""

    @abstractmethod
    def get_transformer(self) -> StreamTransformer | None:
        """The change, or None."""
