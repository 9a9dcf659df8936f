"""One server process: started with a log file, awaited until it answers, stopped by its process id.

Used by every starter of this package. Never signals a process that it did not start.
"""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ServerFailed(RuntimeError):
    """A server ended or did not answer in time; the message holds the end of its log."""


_PORTS = range(12_000, 30_000)
"""Below those of outgoing connections, one of which could take the port of a server that is about to start, again too."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at `host`; no other process of the tests is given it while this one lives."""
    begin = secrets.randbelow(len(_PORTS))  # `random` is seeded alike in every process of a test run
    for number in range(len(_PORTS)):
        port = _PORTS[(begin + number) % len(_PORTS)]
        if _is_unused(host, port) and _reserve(port):
            return port
    raise ServerFailed(f"no port of {_PORTS.start} to {_PORTS.stop} is free at {host}")


def _is_unused(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _reserve(port: int) -> bool:
    """Lock the file of this port for as long as this process lives."""
    folder = Path(tempfile.gettempdir()) / f"penstock-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    return True


def wait_until(ready: Callable[[], bool], what: str, deadline_seconds: float = 60.0) -> None:
    """Ask `ready` again and again until it says yes; ServerFailed after the deadline."""
    end = time.monotonic() + deadline_seconds
    pause = 0.02
    while not ready():
        if time.monotonic() > end:
            raise ServerFailed(f"{what}: not within {deadline_seconds:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


class ServerProcess:
    """A child process with its log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_ready(self, answers: Callable[[], bool], deadline_seconds: float = 120.0) -> None:
        """Wait until the server answers; says why if it ends before."""

        def check() -> bool:
            if self._process.poll() is not None:
                raise ServerFailed(f"{self.name} ended with {self._process.returncode}:\n{self.tail()}")
            return answers()

        try:
            wait_until(check, f"{self.name} answers", deadline_seconds)
        except ServerFailed:
            self.kill()
            raise

    def tail(self) -> str:
        """The end of the log."""
        return self.log.read_text(errors="replace")[-3000:]

    def stop(self, deadline_seconds: float = 15.0, by: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end; kill it when it does not."""
        if self._process.poll() is None:
            self._process.send_signal(by)
            try:
                self._process.wait(deadline_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
