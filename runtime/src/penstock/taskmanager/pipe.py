"""The control pipe between a TaskManager's supervisor and a slot process: length-prefixed JSON over a socket pair.

Used by both ends. The supervisor sends commands and reads events, the slot the other way round. Sending is safe from
any thread; reading belongs to one thread. A closed pipe reads as None: the slot then ends, the supervisor replaces it.
"""

import socket
import struct
import threading

from penstock.control.messages import COMMAND, EVENT, Command, Event

_LENGTH = struct.Struct(">I")


class ControlPipe:
    """One end of the pipe. Owns the socket."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """The socket's file descriptor, for selectors."""
        return self._socket.fileno()

    def send_command(self, command: Command) -> None:
        """Send a command to the slot; OSError when the slot is gone."""
        self._send(COMMAND.dump_json(command))

    def send_event(self, event: Event) -> None:
        """Send an event to the supervisor; nothing happens when it is gone, for then the slot is about to end."""
        try:
            self._send(EVENT.dump_json(event))
        except OSError:
            return

    def receive_command(self) -> Command | None:
        """The next command; None when the supervisor is gone. Blocks."""
        data = self._receive()
        return None if data is None else COMMAND.validate_json(data)

    def receive_event(self) -> Event | None:
        """The next event; None when the slot is gone. Blocks."""
        data = self._receive()
        return None if data is None else EVENT.validate_json(data)

    def shut(self) -> None:
        """Wake a blocked reader of either end with the end of the stream."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        with self._lock:
            self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def _receive(self) -> bytes | None:
        header = self._exactly(_LENGTH.size)
        return None if header is None else self._exactly(_LENGTH.unpack(header)[0])

    def _exactly(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._socket.recv(min(size - len(parts), 1 << 20))
            except ConnectionError:
                return None
            if not part:
                return None
            parts += part
        return bytes(parts)
