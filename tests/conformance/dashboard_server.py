"""Flink's dashboard files and our REST API under one origin, as its own server would be: what is no file goes to the JobManager."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx


class _Handler(SimpleHTTPRequestHandler):
    """A file of the dashboard if there is one of that name, else what the JobManager says."""

    def __init__(self, *arguments: object, target: str, refused: list[str], directory: str) -> None:
        self._target, self._refused = target, refused
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """A file, or a call."""
        name = self.path.partition("?")[0].lstrip("/") or "index.html"
        if (Path(self.directory) / name).is_file():
            super().do_GET()
        else:
            self._forward()

    def do_POST(self) -> None:
        """A call."""
        self._forward()

    do_PATCH = do_PUT = do_DELETE = do_POST

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {"content-type": self.headers.get("content-type", "application/json")}
        answer = httpx.request(
            self.command, self._target + self.path, content=body, headers=headers, timeout=30
        )
        if answer.is_error:
            self._refused.append(f"{self.command} {self.path}: {answer.status_code} {answer.text[:200]}")
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers.get("content-type", "text/plain"))
        self.send_header("content-length", str(len(answer.content)))
        with contextlib.suppress(BrokenPipeError):  # the page has gone on to another view
            self.end_headers()
            self.wfile.write(answer.content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing: what matters is in `refused`."""


@contextmanager
def dashboard(folder: Path, port: int) -> Iterator[tuple[str, list[str]]]:
    """The dashboard's address, and the calls that the JobManager refused so far."""
    refused: list[str] = []
    handler = partial(_Handler, target=f"http://127.0.0.1:{port}", refused=refused, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="dashboard", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", refused
        finally:
            server.shutdown()
            thread.join()
