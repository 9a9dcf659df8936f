"""What is wrong with a command line, a configuration or an address is one line on standard error, and never a traceback."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from penstock.launch import cli
from tests.servers.process import wait_until

Penstock = Callable[..., tuple[object, str]]


@pytest.fixture
def penstock(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Penstock:
    """The entry point in this process: its exit status, and what it says on standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text("print('runs')")

    def call(*words: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["penstock", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("list", "-m", "host:port"), 2, "'host:port' is no address of a JobManager"),
        (("cancel", "-m", "http://[::1", "0" * 32), 2, "is no address of a JobManager"),
        (("run", "no/such.py"), 1, "there is no program at no/such.py"),
        (("info", "no/such.py"), 1, "there is no program at no/such.py"),
        (("run", "-D", "parallelism", "program.py"), 2, "write it as key=value"),
        (("run", "--config-dir", "nowhere", "program.py"), 2, "there is no config.yaml in nowhere"),
        (
            ("run-application", "-D", "taskmanager.numberOfTaskSlots=two", "program.py"),
            2,
            "is no whole number",
        ),
        (("jobmanager", "-D", "rest.port=web"), 1, "rest.port: 'web' is no whole number"),
        (
            ("jobmanager", "-D", "high-availability.type=etcd"),
            1,
            "high-availability.type: 'etcd' is not one of",
        ),
        (("jobmanager", "-D", "penstock.rpc.tls.ca=ca.pem"), 1, "set all three"),
        (("jobmanager", "-D", "rest.bind-address=192.0.2.1"), 1, "cannot listen on 192.0.2.1"),
        (("jobmanager", "-D", "=x", "-D", "plain"), 2, "-D plain: write it as key=value"),
        (("taskmanager", "-D", "taskmanager.numberOfTaskSlots=-1"), 1, "taskmanager.numberOfTaskSlots: '-1'"),
        (("taskmanager",), 1, "penstock.rpc.socket"),
        (
            ("jobmanager", "-D", "rest.port=0", "-D", f"penstock.rpc.socket=/tmp/{'x' * 120}"),
            1,
            "path too long",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_it_is_said_in_a_line(penstock: Penstock, words: tuple[str, ...], status: int, said: str) -> None:
    ended, errors = penstock(*words)
    assert (ended, said in errors) == (status, True), errors
    assert "Traceback" not in errors


def test_the_version_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["penstock", "--version"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (None, 0)
    assert capsys.readouterr().out.split()[0] == "penstock"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- a\n- b\n", b"a: [", b"just words"])
def test_a_configuration_that_cannot_be_read_is_named(
    penstock: Penstock, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    ended, errors = penstock("jobmanager", "--config-dir", str(tmp_path))
    assert (ended, f"{tmp_path}/config.yaml" in errors) == (2, True), errors


def test_a_port_that_is_taken_is_named(penstock: Penstock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended, errors = penstock("jobmanager", "-D", f"rest.port={port}")
    assert (ended, f"cannot listen on 127.0.0.1:{port}" in errors) == (1, True), errors


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server that says this to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1, 2]", b'{"kind": "Status"}', b'"word"', b""])
def test_what_is_no_jobmanager_is_said_to_be_none(penstock: Penstock, body: bytes) -> None:
    with answering(body) as address:
        ended, errors = penstock("list", "-m", address)
    assert (ended, f"what answers at {address} is no JobManager" in errors) == (1, True), errors


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("def topic():\n    raise LookupError('no such topic')\ntopic()", "LookupError: no such topic"),
        (None, "name a .py file, a zip, or a folder with a __main__.py or main.py"),
    ],
)
def test_a_program_fails_in_its_own_lines_only(tmp_path: Path, source: str | None, said: str) -> None:
    program = tmp_path / "job"
    if source is None:
        program.mkdir()
    else:
        program = program.with_suffix(".py")
        program.write_text(source)
    command = [sys.executable, "-m", "penstock.launch.cli", "run", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert "penstock/launch" not in done.stderr


ENDLESS = """
import pathlib, time
from penstock.datastream import StreamExecutionEnvironment
def slow(value):
    pathlib.Path({began!r}).touch()
    time.sleep(0.01)
    return value
env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(list(range(1_000_000))).map(slow).print()
env.execute("endless")
"""


def test_an_interrupt_ends_a_run_without_a_traceback(tmp_path: Path) -> None:
    program, began = tmp_path / "program.py", tmp_path / "began"
    program.write_text(ENDLESS.format(began=str(began)))
    command = [sys.executable, "-m", "penstock.launch.cli", "run", str(program)]
    # In a session of its own, so that the interrupt reaches slots too, as that of a terminal does.
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with running:
        try:
            wait_until(began.exists, "the job's first record", 120)
            subprocess.run(["kill", "-INT", "--", f"-{running.pid}"], check=True)
            _, errors = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130, errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
