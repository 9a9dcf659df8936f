"""What `from_source`, `add_source`, `sink_to` and `add_sink` take; built by the connectors' builders."""

from penstock.connectors.kafka.sink import DeliveryGuarantee
from penstock.connectors.public import Sink, Source, StreamTransformer, SupportsPreprocessing

__all__ = ["DeliveryGuarantee", "Sink", "Source", "StreamTransformer", "SupportsPreprocessing"]
