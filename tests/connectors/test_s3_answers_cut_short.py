"""An answer of an S3 server that breaks off is an error to try again, never an empty folder or a short object."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from penstock.filesystems.errors import StorageUnavailable
from penstock.filesystems.s3 import S3FileSystem, open_s3

CUT_HEADERS = b"HTTP/1.1 200 OK\r\nServer: test\r\nD"
CUT_LISTING = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n"
    b'<?xml version="1.0"?><ListBucketResult><Name>b</Name><Conte'
)
CUT_CONTINUE = b"HTTP/1.1 100 Continue\r\nServer"
SHORT_OBJECT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf"


@contextmanager
def server_that_answers(answer: bytes) -> Iterator[S3FileSystem]:
    end = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = end.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    port = end.getsockname()[1]
    files = open_s3(
        {
            "s3.endpoint": f"http://127.0.0.1:{port}",
            "s3.path.style.access": "true",
            "s3.access-key": "a",
            "s3.secret-key": "b",
        }
    )
    try:
        yield files
    finally:
        files.close()
        end.shutdown(socket.SHUT_RDWR)
        end.close()
        thread.join(10)


CALLS: dict[str, Callable[[S3FileSystem], object]] = {
    "list": lambda files: files.list("s3://b/checkpoints"),
    "read": lambda files: files.read("s3://b/k"),
    "size": lambda files: files.size("s3://b/k"),
    "write": lambda files: files.write("s3://b/k", b"data"),
    "put": lambda files: files.put_if_absent("s3://b/k", b"data"),
    "start an upload": lambda files: files.start_upload("s3://b/k"),
}


WHOLE_ENOUGH = {"size": (CUT_HEADERS,), "write": (CUT_CONTINUE,), "put": (CUT_CONTINUE,)}
"""What can break off in the answer to calls that have no body to read."""
CASES = [
    (call, answer)
    for call in CALLS
    for answer in (CUT_HEADERS, CUT_LISTING, CUT_CONTINUE, SHORT_OBJECT)
    if answer in WHOLE_ENOUGH.get(call, (CUT_HEADERS, CUT_LISTING, CUT_CONTINUE, SHORT_OBJECT))
]


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.HTTPWarning")
@pytest.mark.parametrize(("call", "answer"), CASES)
def test_an_answer_cut_short_is_not_believed(call: str, answer: bytes) -> None:
    with server_that_answers(answer) as files, pytest.raises(StorageUnavailable):
        CALLS[call](files)
