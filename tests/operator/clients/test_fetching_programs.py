"""Fetching a session job's program: from where it may come, and that no name leads to another address than the judged one."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from penstock_operator.clients.artifacts import Fetching, fetch
from penstock_operator.decide.validate_artifact import is_restricted
from penstock_operator.errors import OperatorError


class Web:
    """A web server on loopback."""

    def __init__(self) -> None:
        self.paths: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, dict(self.headers)))
                status, headers, body = outer.paths.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    yield found
    found.close()


def anywhere(address: str) -> bool:
    return True


def public(address: str) -> bool:
    return not is_restricted(address)


def resolving(monkeypatch: pytest.MonkeyPatch, answers: Callable[[str], list[str]]) -> list[str]:
    """Answer every look-up by this; returns the names asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int | None, *rest: Any, **named: Any) -> list[Any]:
        asked.append(host)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port or 0)) for address in answers(host)]

    monkeypatch.setattr("penstock_operator.clients.artifacts.socket.getaddrinfo", getaddrinfo)
    return asked


def test_program_comes_over_http_with_the_owners_headers(web: Web) -> None:
    web.paths["/job.py"] = (200, {}, b"print()")
    how = Fetching(anywhere, ("http",), {"X-Token": "t"})
    found = fetch(f"http://127.0.0.1:{web.port}/job.py", how)
    assert (found.name, found.content) == ("job.py", b"print()")
    assert web.seen[0][1]["X-Token"] == "t"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_not_connected_to(web: Web, host: str) -> None:
    with pytest.raises(OperatorError, match="not public"):
        fetch(f"http://{host}:{web.port}/job.py", Fetching(public, ("http",)))
    assert web.seen == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "224.0.0.1", "0.0.0.0"])
def test_a_public_name_of_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving(monkeypatch, lambda host: ["93.184.216.34", address])
    with pytest.raises(OperatorError, match=f"{address}, which is not public"):
        fetch("https://example.com/job.py", Fetching(public))


def test_a_name_that_is_rebound_is_looked_up_once_and_judged_where_it_is_used(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The validation saw a public address; at the connection the name has another one: that one is judged."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    asked = resolving(monkeypatch, lambda host: next(answers))
    from penstock_operator.clients.artifacts import addresses_of

    assert all(public(address) for address in addresses_of("rebound.example"))
    with pytest.raises(OperatorError, match="not public"):
        fetch(f"http://rebound.example:{web.port}/job.py", Fetching(public, ("http",)))
    assert asked == ["rebound.example", "rebound.example"]
    assert web.seen == []


def test_redirects_are_judged_and_get_no_headers(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.paths["/job.py"] = (302, {"location": "https://elsewhere/job.py"}, b"")
    with pytest.raises(OperatorError, match="scheme is not allowed"):
        fetch(f"http://127.0.0.1:{web.port}/job.py", Fetching(anywhere, ("http",)))
    web.paths["/job.py"] = (302, {"location": f"http://other.example:{web.port}/there.py"}, b"")
    web.paths["/there.py"] = (200, {}, b"there")
    resolving(monkeypatch, lambda host: ["127.0.0.1"])
    how = Fetching(anywhere, ("http",), {"X-Token": "t"})
    assert fetch(f"http://127.0.0.1:{web.port}/job.py", how).content == b"there"
    assert "X-Token" not in web.seen[-1][1]
    web.paths["/job.py"] = (302, {"location": "/job.py"}, b"")
    with pytest.raises(OperatorError, match="redirects"):
        fetch(f"http://127.0.0.1:{web.port}/job.py", how)


def test_what_is_missing_or_no_program_is_said(web: Web, tmp_path: Path) -> None:
    how = Fetching(anywhere, ("*",), folder=tmp_path)
    with pytest.raises(OperatorError, match="answered 404"):
        fetch(f"http://127.0.0.1:{web.port}/job.py", how)
    with pytest.raises(OperatorError, match=r"a \.py file"):
        fetch("https://example.com/job.jar", how)
    with pytest.raises(OperatorError, match="could not be fetched"):
        fetch(f"local://{tmp_path}/none.py", how)
    with pytest.raises(OperatorError, match="none of those allowed"):
        fetch("s3://bucket/job.py", Fetching(anywhere))


def test_files_of_the_operator_are_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "job.py").write_text("yes")
    (tmp_path / "token.py").write_text("secret")
    how = Fetching(anywhere, ("local", "file"), folder=tmp_path / "programs")
    assert fetch(f"local://{tmp_path}/programs/job.py", how).content == b"yes"
    for uri in (f"file://{tmp_path}/token.py", f"local://{tmp_path}/programs/../token.py"):
        with pytest.raises(OperatorError, match="not below"):
            fetch(uri, how)
