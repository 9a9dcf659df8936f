"""What `from_source`, `add_source`, `sink_to` and `add_sink` take; built by the connectors' builders."""

from penstock.connectors.contract import Sink as ConnectorSink
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.kafka.sink import DeliveryGuarantee
from penstock.datastream.functions import SinkFunction, SourceFunction

__all__ = ["DeliveryGuarantee", "Sink", "Source"]


class Source(SourceFunction):
    """A source."""

    def __init__(self, definition: SourceDefinition) -> None:
        self._definition = definition

    def definition(self) -> SourceDefinition:
        """What runs it."""
        return self._definition


class Sink(SinkFunction):
    """A sink."""

    def __init__(self, sink: ConnectorSink) -> None:
        self._sink = sink

    def connector_sink(self) -> ConnectorSink:
        """What runs it."""
        return self._sink
