"""A JobManager and a TaskManager as processes, spoken to over REST: what the benchmarks of job control measure on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

JOB_ID = "b" * 32
_SECONDS = 120.0


class Processes:
    """A context manager; everything it started ends with it."""

    def __init__(self, folder: Path, slots: int, settings: dict[str, str] | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.folder = folder
        self.settings = {
            "rest.port": str(port),
            "rest.bind-address": "127.0.0.1",
            "penstock.rpc.socket": str(folder / "rpc.sock"),
            "state.checkpoints.dir": f"file://{folder}/checkpoints",
            "state.savepoints.dir": f"file://{folder}/savepoints",
            "taskmanager.numberOfTaskSlots": str(slots),
            "execution.shutdown-on-application-finish": "false",
            **(settings or {}),
        }
        self._running: list[subprocess.Popen[bytes]] = []
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def start(self, verb: str, *arguments: str) -> subprocess.Popen[bytes]:
        """`penstock VERB` with the settings."""
        (self.folder / "config.yaml").write_text(json.dumps(self.settings))
        command = [sys.executable, "-m", "penstock.launch.cli", verb, "--config-dir", str(self.folder)]
        with (self.folder / f"{verb}.out").open("ab") as output:
            process = subprocess.Popen([*command, *arguments], stdout=output, stderr=subprocess.STDOUT)
        self._running.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End one of them."""
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        self._running.remove(process)

    def get(self, path: str) -> Any:
        """GET of the job, or of an absolute path."""
        return self._http.get(path if path.startswith("/") else f"/jobs/{JOB_ID}/{path}").json()

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """A call of the job that must succeed."""
        answer = self._http.request(method, f"/jobs/{JOB_ID}/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def until(self, what: str, holds: Callable[[], bool], pause: float = 0.01) -> None:
        """Wait for a condition; what is not up yet is asked again."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except (httpx.HTTPError, ValueError, KeyError):
                pass
            time.sleep(pause)
        said = "\n".join(path.read_text()[-2000:] for path in self.folder.glob("*.out"))
        raise TimeoutError(f"not {what} within {_SECONDS:.0f} s:\n{said}")

    def until_running(self) -> None:
        """The job runs."""
        self.until("running", lambda: bool(self.get("status")["status"] == "RUNNING"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def machine() -> str:
    """The machine's part in the figures."""
    return f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
