"""A slot's data server and its connections to the slots that its tasks send to. Used by `taskmanager.slot`, task thread.

One connection carries all channels from one slot to another, credits flow back on it. A connection for an attempt that
is not deployed here yet waits unread. Unix sockets have mode 0600; TCP is only ever opened under mutual TLS.
"""

import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.control.messages import SlotAddress
from penstock.exchange.channels import InputChannel
from penstock.exchange.connection import Connection
from penstock.exchange.elements import ChannelId, EndOfPartition
from penstock.exchange.frames import FrameKind, credit_frame, frame, read_credit, read_element
from penstock.exchange.reactor import READ, Reactor
from penstock.exchange.writers import RemoteWriter

_NO_CHANNEL = (0, 0, 0)
AttemptKey = tuple[str, int]
"""Job id and attempt."""


@dataclass(slots=True, frozen=True)
class TlsFiles:
    """Paths of the job's CA and this process's certificate and key."""

    ca: str
    certificate: str
    key: str

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, str]) -> "TlsFiles | None":
        """From `penstock.rpc.tls.{ca,cert,key}`; None when TLS is not set up."""
        names = [configuration.get(f"penstock.rpc.tls.{name}") for name in ("ca", "cert", "key")]
        ca, certificate, key = names
        return cls(ca, certificate, key) if ca and certificate and key else None

    def context(self, *, server: bool) -> ssl.SSLContext:
        """A context in which both sides must show a certificate of the job's CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # The CA is the job's own: whoever holds a certificate of it is a process of the job, at whatever address.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.certificate, self.key)
        if server:
            context.num_tickets = 0
        return context


class Network:
    """Connections of one slot."""

    def __init__(self, reactor: Reactor, slot_id: str, tls: TlsFiles | None) -> None:
        self._reactor = reactor
        self._slot_id = slot_id
        self._tls = tls
        self._listeners: list[socket.socket] = []
        self._inbound: set[Connection] = set()
        self._parked: dict[Connection, AttemptKey] = {}
        self._attempt: AttemptKey | None = None
        self._channels: dict[ChannelId, InputChannel] = {}
        self._senders: dict[ChannelId, str] = {}
        self._origin: dict[ChannelId, Connection] = {}
        self._writers: dict[ChannelId, RemoteWriter] = {}
        self._outbound: dict[str, Connection] = {}
        self._sending: dict[Connection, list[RemoteWriter]] = {}
        self._on_lost: Callable[[str], None] | None = None
        self._unix_path: Path | None = None

    # ------------------------------------------------------------------------------------------------- listening

    def listen_unix(self, path: Path) -> None:
        """Listen on a unix socket that only this user can open."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        end.bind(str(path))
        path.chmod(0o600)
        self._unix_path = path
        self._listen(end, None)

    def listen_tls(self, host: str, port: int) -> int:
        """Listen on TCP under mutual TLS; returns the port."""
        if self._tls is None:
            raise ValueError(
                "a TCP data server needs penstock.rpc.tls.{ca,cert,key}: without them any host could send pickles"
            )
        end = socket.create_server((host, port))
        self._listen(end, self._tls.context(server=True))
        bound: int = end.getsockname()[1]
        return bound

    def _listen(self, end: socket.socket, tls: ssl.SSLContext | None) -> None:
        end.listen(64)
        end.setblocking(False)
        self._listeners.append(end)
        self._reactor.watch(end, READ, lambda _events: self._accept(end, tls))

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            end, _ = listener.accept()
        except OSError:
            return
        if tls is not None:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end = tls.wrap_socket(end, server_side=True, do_handshake_on_connect=False)
        self._inbound.add(
            Connection(self._reactor, end, self._on_inbound, self._inbound_lost, "a sending slot")
        )

    # ------------------------------------------------------------------------------------------------ an attempt

    def begin(self, attempt: AttemptKey, on_lost: Callable[[str], None]) -> None:
        """Serve this attempt from now on; `on_lost` says that a peer is gone before its channels ended."""
        self.end()
        self._attempt = attempt
        self._on_lost = on_lost

    def expect(self, channel_id: ChannelId, channel: InputChannel, sender: str) -> None:
        """Elements of that channel come from the slot `sender`."""
        self._channels[channel_id] = channel
        self._senders[channel_id] = f"slot {sender}"

    def writer(self, channel_id: ChannelId, target: SlotAddress, own_host: str) -> RemoteWriter:
        """A writer to a channel of another slot."""
        connection = self._outbound.get(target.slot_id)
        if connection is None:
            connection = self._outbound[target.slot_id] = self._connect(target, own_host)
        writer = self._writers[channel_id] = RemoteWriter(channel_id, connection.send)
        self._sending.setdefault(connection, []).append(writer)
        return writer

    def start(self) -> None:
        """All channels of the attempt are known: let parked senders in."""
        for connection, attempt in list(self._parked.items()):
            del self._parked[connection]
            self._admit(connection, attempt)

    def end(self) -> None:
        """Forget the attempt and close its connections."""
        self._on_lost = None
        self._attempt = None
        for connection in [*self._outbound.values(), *set(self._origin.values())]:
            connection.close()
            self._inbound.discard(connection)
        self._outbound.clear()
        self._sending.clear()
        self._origin.clear()
        self._channels.clear()
        self._senders.clear()
        self._writers.clear()

    def close(self) -> None:
        """Close everything."""
        self.end()
        for connection in self._inbound:
            connection.close()
        self._inbound.clear()
        self._parked.clear()
        for listener in self._listeners:
            self._reactor.watch(listener, 0, lambda _events: None)
            listener.close()
        self._listeners.clear()
        if self._unix_path is not None:
            self._unix_path.unlink(missing_ok=True)

    def _connect(self, target: SlotAddress, own_host: str) -> Connection:
        if target.host_id == own_host:
            end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            end.connect(target.unix_path)
        else:
            end = self._connect_tls(target)
        connection = Connection(
            self._reactor, end, self._on_outbound, self._outbound_lost, f"slot {target.slot_id}"
        )
        job_id, attempt = self._attempt or ("", 0)
        hello = json.dumps({"job_id": job_id, "attempt": attempt, "slot_id": self._slot_id}).encode()
        connection.send(frame(FrameKind.HELLO, _NO_CHANNEL, hello))
        return connection

    def _connect_tls(self, target: SlotAddress) -> socket.socket:
        if target.tcp is None or self._tls is None:
            raise ConnectionError(
                f"slot {target.slot_id} is on another host and mutual TLS is not set up: set penstock.rpc.tls.{{ca,cert,key}}"
            )
        host, _, port = target.tcp.removeprefix("tcp:").rpartition(":")
        end = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.context(server=False).wrap_socket(end, do_handshake_on_connect=False)

    # ---------------------------------------------------------------------------------------------------- frames

    def _on_inbound(
        self, connection: Connection, kind: FrameKind, channel_id: ChannelId, body: bytes
    ) -> None:
        if kind is FrameKind.HELLO:
            hello = json.loads(body)
            connection.peer = f"slot {hello['slot_id']}"
            self._admit(connection, (hello["job_id"], hello["attempt"]))
            return
        channel = self._channels.get(channel_id)
        if channel is None or self._origin.get(channel_id) is not connection:
            return  # of an attempt that is over
        element = read_element(kind, body)
        channel.bytes_in += len(body)
        channel.push(element)
        if isinstance(element, EndOfPartition):
            del self._origin[channel_id]
            connection.send(frame(FrameKind.END_ACKNOWLEDGED, channel_id))

    def _admit(self, connection: Connection, attempt: AttemptKey) -> None:
        if attempt != self._attempt:
            self._parked[connection] = attempt
            connection.pause()
            return
        for channel_id, channel in self._channels.items():
            if self._senders[channel_id] == connection.peer:
                self._origin[channel_id] = connection
                channel.grant_to(_granter(connection, channel_id))
        connection.resume()

    def _on_outbound(self, _: Connection, kind: FrameKind, channel_id: ChannelId, body: bytes) -> None:
        writer = self._writers.get(channel_id)
        if writer is None:
            return
        if kind is FrameKind.CREDIT:
            writer.grant(read_credit(body))
        elif kind is FrameKind.END_ACKNOWLEDGED:
            writer.acknowledge_end()

    def _inbound_lost(self, connection: Connection, why: str) -> None:
        self._inbound.discard(connection)
        self._parked.pop(connection, None)
        unfinished = [key for key, origin in self._origin.items() if origin is connection]
        if unfinished and self._on_lost is not None:
            self._on_lost(f"{connection.peer} is gone: {why}")

    def _outbound_lost(self, connection: Connection, why: str) -> None:
        writers = self._sending.get(connection, ())
        if self._on_lost is not None and not all(writer.is_delivered for writer in writers):
            self._on_lost(f"{connection.peer} is gone: {why}")


def _granter(connection: Connection, channel_id: ChannelId) -> Callable[[int], None]:
    return lambda count: connection.send(credit_frame(channel_id, count))
