"""One socket between two slots, without blocking: frames out, frames in, TLS where asked. Owned by `exchange.network`.

Runs in the slot's task thread. Knows frames but not what they mean. A connection that fails calls `on_lost` once, with
the reason; after `close` it calls nothing any more.
"""

import socket
import ssl
from collections import deque
from collections.abc import Callable

from penstock.exchange.elements import ChannelId
from penstock.exchange.frames import HEADER, MAX_BODY, FrameKind
from penstock.exchange.reactor import READ, WRITE, Reactor

_CHUNK = 1 << 18
_READS_A_TURN = 8
"""So that one busy peer does not keep the task thread from its tasks."""

FrameHandler = Callable[["Connection", FrameKind, ChannelId, bytes], None]


class Connection:
    """Frames over a non-blocking socket, connected or connecting."""

    def __init__(
        self,
        reactor: Reactor,
        end: socket.socket,
        on_frame: FrameHandler,
        on_lost: Callable[["Connection", str], None],
        peer: str,
    ) -> None:
        self._reactor = reactor
        self._socket = end
        self._on_frame = on_frame
        self._on_lost = on_lost
        self.peer = peer
        """Who is at the other end, for messages."""
        self._out: deque[memoryview] = deque()
        self._in = bytearray()
        self._is_open = True
        self._is_paused = False
        self._is_shaking = isinstance(end, ssl.SSLSocket)
        # The first word is the client's: being writable starts the handshake.
        self._tls_wants_write = self._is_shaking
        self.bytes_out = 0
        end.setblocking(False)
        self._watch()

    @property
    def has_unsent(self) -> bool:
        """Some frames are not yet in the kernel's hands."""
        return bool(self._out)

    def send(self, data: bytes) -> None:
        """Send a frame after those before it, now or as soon as the socket takes it."""
        if not self._is_open:
            return
        self.bytes_out += len(data)
        self._out.append(memoryview(data))
        if len(self._out) == 1 and not self._is_shaking:
            self._write()

    def pause(self) -> None:
        """Read no more until `resume`: the peer's data waits in the kernel."""
        self._is_paused = True
        self._watch()

    def resume(self) -> None:
        """Read again."""
        if self._is_paused and self._is_open:
            self._is_paused = False
            self._parse()
            self._watch()

    def close(self) -> None:
        """Close without a callback; no error if it is closed."""
        if self._is_open:
            self._is_open = False
            self._reactor.watch(self._socket, 0, self._ready)
            self._socket.close()
            self._out.clear()

    def _watch(self) -> None:
        if not self._is_open:
            return
        events = 0 if self._is_paused else READ
        if self._tls_wants_write or (self._out and not self._is_shaking):
            events |= WRITE
        self._reactor.watch(self._socket, events, self._ready)

    def _ready(self, events: int) -> None:
        try:
            if self._is_shaking and not self._shake():
                return
            if events & WRITE:
                self._write()
            if events & READ and self._is_open and not self._is_paused:
                self._read()
        except OSError as error:
            self._lose(str(error))

    def _shake(self) -> bool:
        assert isinstance(self._socket, ssl.SSLSocket)  # noqa: S101 - only those shake hands
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            self._tls_wants_write = False
        except ssl.SSLWantWriteError:
            self._tls_wants_write = True
        else:
            self._is_shaking = False
            self._tls_wants_write = False
            self._write()
        self._watch()
        return not self._is_shaking

    def _write(self) -> None:
        out = self._out
        try:
            while out:
                sent = self._socket.send(out[0])
                if sent == len(out[0]):
                    out.popleft()
                else:
                    out[0] = out[0][sent:]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError as error:
            self._lose(str(error))
            return
        self._watch()

    def _read(self) -> None:
        turns = _READS_A_TURN
        # What TLS has already decrypted would not make the socket readable again.
        while turns > 0 or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            turns -= 1
            try:
                data = self._socket.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except ssl.SSLWantWriteError:
                break
            if not data:
                self._parse()
                self._lose("the connection was closed by the other side")
                return
            self._in += data
        self._parse()

    def _parse(self) -> None:
        buffer = self._in
        position, size = 0, len(buffer)
        while size - position >= HEADER.size and self._is_open and not self._is_paused:
            length, kind, edge, source, target = HEADER.unpack_from(buffer, position)
            if length > MAX_BODY:
                self._lose(f"a frame of {length} bytes: the peer does not speak this protocol")
                return
            end = position + HEADER.size + length
            if end > size:
                break
            body = bytes(memoryview(buffer)[position + HEADER.size : end])
            position = end
            self._on_frame(self, FrameKind(kind), (edge, source, target), body)
        if position:
            del buffer[:position]

    def _lose(self, why: str) -> None:
        if self._is_open:
            self.close()
            self._on_lost(self, why)
