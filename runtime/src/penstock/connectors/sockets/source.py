"""Text from a TCP socket, split at a delimiter; for demonstrations: a socket cannot be read again.

As Flink's: one subtask connects; a connection that ends is made again so many times. Records in flight at a failure
are lost, and nothing is restored.
"""

import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.connectors.contract import ReaderContext, SourceBatch, Split, SplitEnumerator
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.feed import Feed
from penstock.connectors.fixed import FixedSplits
from penstock.connectors.public import Source
from penstock.graph.jobgraph import Boundedness
from penstock.operators.contract import Batch

log = logging.getLogger(__name__)

_READ_BYTES = 64 << 10
_QUEUED_CHUNKS = 16
_LOOK_SECONDS = 0.2
_CONNECT_SECONDS = 10.0


class SocketFailed(ConnectionError):
    """No connection, after all retries."""


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where to connect, what ends a record, how often and after what pause to connect again (-1: for ever)."""

    host: str
    port: int
    delimiter: str = "\n"
    max_retries: int = 0
    retry_seconds: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError(f"{self.port} is no port: give one from 1 to 65535")
        if not self.delimiter:
            raise ValueError("the delimiter of a socket's text is empty")


class SocketReader:
    """A `SourceReader` of one socket."""

    def __init__(self, address: SocketAddress) -> None:
        self._address = address
        self._splits: list[Split] = []
        self._is_complete = False
        self._feed: Feed[list[str]] | None = None
        self._rest: list[str] = []
        self._ctx: ReaderContext | None = None

    def open(self, ctx: ReaderContext) -> None:
        """Nothing is connected before the split comes."""
        self._ctx = ctx

    def add_splits(self, splits: Sequence[Split]) -> None:
        """Connect."""
        self._splits = [dict(split) for split in splits]
        if self._ctx is not None and self._feed is None:
            self._feed = Feed("socket", self._fill, self._ctx.wake, _QUEUED_CHUNKS)
            self._feed.start()

    def no_more_splits(self) -> None:
        """There is one."""
        self._is_complete = True
        if self._ctx is not None:
            self._ctx.wake()

    def poll(self, max_records: int) -> SourceBatch | None:
        """The next texts."""
        if not self._rest:
            found = self._feed.take() if self._feed is not None else None
            if found is None:
                return None
            if not found:
                self._splits = []
                if self._ctx is not None:
                    self._ctx.wake()
                return None
            self._rest = found
        values, self._rest = self._rest[:max_records], self._rest[max_records:]
        return SourceBatch("socket", Batch(list(values)))

    def wants_splits(self) -> bool:
        """True until the split came."""
        return not self._splits and not self._is_complete

    def is_finished(self) -> bool:
        """True when the other side closed and no retry is left."""
        return self._is_complete and not self._splits

    def split_ids(self) -> set[str]:
        """The one split."""
        return {str(split["id"]) for split in self._splits}

    def snapshot(self) -> list[Split]:
        """The split: a restored reader connects again."""
        return [dict(split) for split in self._splits]

    def notify_complete(self, checkpoint_id: int) -> None:
        """Nobody outside needs to know."""

    def close(self) -> None:
        """Stop reading."""
        if self._feed is not None:
            self._feed.stop()

    def _fill(self, feed: Feed[list[str]]) -> None:
        """Read until the other side closes and no retry is left."""
        address, failures = self._address, 0
        while True:
            try:
                self._read_connection(feed)
                said = "the other side closed the connection"
            except OSError as error:
                said = error.strerror or str(error)
                if 0 <= address.max_retries <= failures:
                    raise SocketFailed(
                        f"socket source: {address.host}:{address.port}: {said}, after {failures} retries"
                    ) from error
            if 0 <= address.max_retries <= failures:
                feed.put([])
                return
            failures += 1
            log.warning("socket source: %s:%s: %s; connecting again", address.host, address.port, said)
            feed.wait(address.retry_seconds)

    def _read_connection(self, feed: Feed[list[str]]) -> None:
        address, rest = self._address, b""
        delimiter = address.delimiter.encode()
        with socket.create_connection((address.host, address.port), _CONNECT_SECONDS) as connection:
            connection.settimeout(_LOOK_SECONDS)
            while True:
                try:
                    data = connection.recv(_READ_BYTES)
                except TimeoutError:
                    feed.wait(0)
                    continue
                if not data:
                    break
                *whole, rest = (rest + data).split(delimiter)
                if whole:
                    feed.put([_text(one, delimiter) for one in whole])
        if rest:
            feed.put([_text(rest, delimiter)])


def _text(record: bytes, delimiter: bytes) -> str:
    return (record.removesuffix(b"\r") if delimiter == b"\n" else record).decode()


@dataclass(frozen=True, slots=True)
class _ReaderFactory:
    address: SocketAddress

    def __call__(self) -> SocketReader:
        return SocketReader(self.address)


class SocketEnumerators:
    """Makes the enumerator of the one split."""

    def create_enumerator(
        self,
        options: Mapping[str, Any],
        parallelism: int,
        state: Mapping[str, Any] | None,
        configuration: Mapping[str, str],
    ) -> SplitEnumerator:
        """One split, whatever the parallelism."""
        return FixedSplits([{"id": "socket"}], state)


FACTORY = SocketEnumerators()


class SocketTextSource(Source):
    """Lines from a socket (Flink's `socketTextStream`; PyFlink has none)."""

    def __init__(
        self, host: str, port: int, delimiter: str = "\n", max_retries: int = 0, retry_seconds: float = 0.5
    ) -> None:
        address = SocketAddress(host, port, delimiter, max_retries, retry_seconds)
        unbounded = Boundedness.CONTINUOUS_UNBOUNDED
        super().__init__(SourceDefinition("socket", {}, unbounded, _ReaderFactory(address)))
