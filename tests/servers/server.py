"""What every server of this package is: one process over one folder, started and awaited, stopped, killed, started again.

A server's own class says what to run (`launch`) and when it answers (`answers`). Data lives as long as the object, so
`restart` and `kill` + `start` keep it; ports stay the same.
"""

import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.servers.process import ServerProcess, free_port


class LocalServer:
    """A server that listens at one address of this machine."""

    name: ClassVar[str]
    stop_by: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"penstock-{self.name}-"))
        self._host = host
        self._port = free_port(host)
        self._process: ServerProcess | None = None

    def launch(self) -> ServerProcess:
        """Install and prepare what is missing, and start the process."""
        raise AssertionError(f"{type(self).__name__} says what to run")

    def answers(self) -> bool:
        """Whether clients are answered by now; called again and again after a start."""
        raise AssertionError(f"{type(self).__name__} says when it answers")

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process, f"{self.name} is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until clients are answered."""
        self._process = self.launch()
        self._process.wait_ready(self.answers)
        return self

    def stop(self) -> None:
        """Stop in order; data stays."""
        if self._process:
            self._process.stop(by=self.stop_by)
            self._process = None

    def kill(self) -> None:
        """Stop as a crash would; data stays."""
        if self._process:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Stop in order and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop and remove the data."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
