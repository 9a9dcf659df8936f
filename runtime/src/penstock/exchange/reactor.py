"""The wait of a slot's one task thread: sockets, and a wake-up that any other thread may send.

Owned by `taskmanager.mailbox`; used by `exchange.connection`. All sockets are handled in the task thread between
batches: beside Python functions a second Python thread would only wait for the interpreter's lock, up to its switch
interval for every frame.
"""

import selectors
import socket
from collections.abc import Callable

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Reactor:
    """Sockets with callbacks. Everything but `wake` belongs to one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        self._selector.register(self._receiver, READ, self._drain)
        self._watched: dict[int, int] = {}

    def watch(self, end: socket.socket, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the ready events of a socket; `events` 0 stops it. Replaces an earlier watch."""
        number = end.fileno()
        present = self._watched.get(number, 0)
        if events == present:
            return
        if events == 0:
            self._selector.unregister(end)
            del self._watched[number]
        elif present == 0:
            self._selector.register(end, events, callback)
            self._watched[number] = events
        else:
            self._selector.modify(end, events, callback)
            self._watched[number] = events

    def poll(self, timeout_seconds: float | None) -> None:
        """Wait at most that long (None: until something happens) and run the callbacks of what is ready."""
        for key, events in self._selector.select(timeout_seconds):
            # A callback may have closed a socket that is also in this round.
            if key.data == self._drain or self._watched.get(key.fd):
                key.data(events)

    def wake(self) -> None:
        """End the present or the next wait at once; from any thread."""
        try:
            self._sender.send(b"\x00")
        except (BlockingIOError, OSError):
            return

    def close(self) -> None:
        """Close the reactor's own sockets."""
        self._selector.close()
        self._receiver.close()
        self._sender.close()

    def _drain(self, _events: int) -> None:
        try:
            while self._receiver.recv(4096):
                pass
        except BlockingIOError:
            return
