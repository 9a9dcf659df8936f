"""Text from a socket; PyFlink has none."""

from penstock.connectors.sockets.source import SocketTextSource

__all__ = ["SocketTextSource"]
