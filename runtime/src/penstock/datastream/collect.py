"""`execute_and_collect`: a job whose last operator sends its records back to the program over a socket of this machine.

With checkpoints on, records are sent once their checkpoint is complete, so a restart repeats none. The socket is a unix
socket in a folder of mode 0700; only slots on the same machine can reach it.
"""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

import contextlib
import os
import pickle
import queue
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.operators.base import PassiveOperator
from penstock.operators.contract import Batch, OperatorContext, OperatorSnapshot
from penstock.operators.sink import has_checkpoints

if TYPE_CHECKING:
    from penstock.datastream.data_stream import DataStream

_HEADER = 8
_LAST = b"\xff" * _HEADER
"""What the receiver sends itself: connections are accepted in order, so all others were accepted before."""
_END = object()


@dataclass(frozen=True, slots=True)
class CollectFactory:
    """Makes a CollectOperator."""

    address: str

    def __call__(self) -> "CollectOperator":
        """A new operator."""
        return CollectOperator(self.address)


class CollectOperator(PassiveOperator):
    """Sends records to the program: at once, or with checkpoints when theirs is complete."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._waiting: list[tuple[int, list[Any]]] = []
        self._current: list[Any] = []
        self._socket: socket.socket | None = None

    def open(self, ctx: OperatorContext) -> None:
        """Send what the restored checkpoint holds: the receiver drops what it has already."""
        self.ctx = ctx
        self._is_held = has_checkpoints(ctx.configuration)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(self._address)
        for blob in ctx.restored.operator if ctx.restored is not None else ():
            for checkpoint_id, origin, values in pickle.loads(blob):
                self._send(checkpoint_id, origin, values)

    def process(self, batch: Batch, input_index: int) -> None:
        """Hold or send."""
        if self._is_held:
            self._current.extend(batch.values)
        else:
            self._send(0, 0, batch.values)

    def on_watermark(self, timestamp: int) -> None:
        """Nothing is downstream."""

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        """What is held goes with the checkpoint."""
        if self._current:
            self._waiting.append((checkpoint_id, self._current))
            self._current = []
        origin = self.ctx.subtask_index
        return OperatorSnapshot(
            operator=pickle.dumps([(number, origin, values) for number, values in self._waiting], protocol=5)
        )

    def notify_complete(self, checkpoint_id: int) -> None:
        """Send what was held for it."""
        for number, values in [entry for entry in self._waiting if entry[0] <= checkpoint_id]:
            self._send(number, self.ctx.subtask_index, values)
        self._waiting = [entry for entry in self._waiting if entry[0] > checkpoint_id]

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, checkpoint_id: int, origin: int, values: list[Any]) -> None:
        data = pickle.dumps((checkpoint_id, origin, values), protocol=5)
        assert self._socket is not None  # noqa: S101 - open() made it
        self._socket.sendall(len(data).to_bytes(_HEADER, "big") + data)


@dataclass(frozen=True, slots=True)
class _Unreadable:
    error: Exception


class _Receiver:
    """Takes the connections of the job's slots and queues what they send."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="penstock-collect-")
        self.address = str(Path(self._folder) / "socket")
        self.results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._seen: set[tuple[int, int]] = set()
        self._all_accepted = threading.Event()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.address)
        self._server.listen()
        self._threads = [threading.Thread(target=self._accept, name="collect-accept", daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._server.accept()
                thread = threading.Thread(target=self._read, args=(connection,), name="collect", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _read(self, connection: socket.socket) -> None:
        try:
            self._take(connection)
        except Exception as error:  # noqa: BLE001 - a record's class may raise anything; the iterator raises it
            self.results.put(_Unreadable(error))

    def _take(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while len(header := stream.read(_HEADER)) == _HEADER:
                if header == _LAST:
                    self._all_accepted.set()
                    return
                data = stream.read(int.from_bytes(header, "big"))
                checkpoint_id, origin, values = pickle.loads(data)
                if checkpoint_id and (checkpoint_id, origin) in self._seen:
                    continue
                self._seen.add((checkpoint_id, origin))
                self.results.put(values)

    def drain(self) -> None:
        """Wait until everything that was sent is queued; the job is over, so its connections are closed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(self.address)
            last.sendall(_LAST)
        self._all_accepted.wait(timeout=10)
        for thread in self._threads[1:]:
            thread.join(timeout=10)

    def close(self) -> None:
        """Stop and remove the socket."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(timeout=10)
        shutil.rmtree(self._folder, ignore_errors=True)


class CloseableIterator(Iterator[Any]):
    """The records of a running job. Close it, or use it in a `with`, to end the job early."""

    def __init__(self, receiver: _Receiver, run: Any) -> None:
        self._receiver = receiver
        self._values: Iterator[Any] = iter(())
        self._failure: BaseException | None = None
        self._is_over = False
        self._client = run
        self._waiter = threading.Thread(target=self._wait, name="collect-wait", daemon=True)
        self._waiter.start()

    def _wait(self) -> None:
        self._failure = self._client.get_job_execution_result().exception()
        self._receiver.drain()
        self._receiver.results.put(_END)

    def __next__(self) -> Any:
        while True:
            for value in self._values:
                return value
            if self._is_over:
                raise StopIteration
            batch = self._receiver.results.get()
            if isinstance(batch, _Unreadable):
                self.close()
                raise batch.error
            if batch is _END:
                self._finish()
            else:
                self._values = iter(batch)

    next = __next__

    def _finish(self) -> None:
        self._is_over = True
        self._waiter.join()
        self._receiver.close()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the job if it still runs."""
        if not self._is_over:
            self._is_over = True
            self._client.cancel().exception()
            self._waiter.join()
            self._receiver.close()

    def __enter__(self) -> "CloseableIterator":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def collect(stream: "DataStream", job_name: str | None, limit: int | None) -> CloseableIterator | list[Any]:
    """Run the job of a stream and collect its records; with a limit, so many as a list."""
    if os.environ.get("PENSTOCK_SUBMIT"):
        raise RuntimeError(
            "execute_and_collect needs a job that ends with its program: in an application cluster write to a sink"
        )
    receiver = _Receiver()
    node = stream._end("Collect Stream Sink", CollectFactory(receiver.address))
    node.is_stateful = True
    node.is_two_phase = True
    try:
        client = stream._environment.execute_async(job_name or "Collect")
    except BaseException:
        receiver.close()
        raise
    results = CloseableIterator(receiver, client)
    if limit is None:
        return results
    with results:
        return [value for value, _ in zip(results, range(limit), strict=False)]
