"""The public bases of sources and sinks: what `from_source` and `sink_to` take.

Re-exported by `penstock.datastream.connectors.base`. Connectors' classes extend them, so that programs type-check;
they hold settings, never anything open.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from penstock.common.unsupported import unsupported
from penstock.connectors.contract import Sink as ConnectorSink
from penstock.connectors.definition import SourceDefinition

_NOT_JAVA = (
    "Use one of penstock.datastream.connectors, or a source or sink of your own on connectors.contract"
)


class Source:
    """A source."""

    def __init__(self, source: SourceDefinition) -> None:
        self._definition = source

    def definition(self) -> SourceDefinition:
        """What runs it."""
        return self._definition

    @unsupported(_NOT_JAVA)
    def get_java_function(self) -> Any:
        """Refused."""


class Sink:
    """A sink."""

    if not TYPE_CHECKING:  # sinks that are dataclasses have an __init__ of their own

        def __init__(self, sink: ConnectorSink) -> None:
            self._sink = sink

    def connector_sink(self) -> ConnectorSink:
        """What runs it."""
        found: ConnectorSink = self._sink  # type: ignore[attr-defined]
        return found

    @unsupported(_NOT_JAVA)
    def get_java_function(self) -> Any:
        """Refused."""


class NotJava:
    """Settings that wrap an object of Java in PyFlink."""

    __slots__ = ()

    @unsupported("Pass the object itself")
    def get_java_object(self) -> Any:
        """Refused."""


class StreamTransformer(ABC):
    """Changes a stream on its way into a sink."""

    @abstractmethod
    def apply(self, ds: Any) -> Any:
        """The stream that the sink gets."""


class SupportsPreprocessing(ABC):
    """A sink that may want its stream changed first."""

    @abstractmethod
    def get_transformer(self) -> StreamTransformer | None:
        """The change, or None."""
