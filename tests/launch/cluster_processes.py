"""An application cluster of real processes in a folder, for the tests of this area."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.servers.process import free_port

JOB_ID = "0123456789abcdef0123456789abcdef"


class Cluster:
    """Starts and kills the processes of one job, and asks its REST API."""

    def __init__(self, folder: Path, slots: int = 2) -> None:
        self.folder = folder
        self.port = free_port()
        self.settings = {
            "rest.port": str(self.port),
            "rest.bind-address": "127.0.0.1",
            "penstock.rpc.socket": str(folder / "rpc.sock"),
            "state.checkpoints.dir": f"file://{folder}/checkpoints",
            "state.savepoints.dir": f"file://{folder}/savepoints",
            "execution.checkpointing.interval": "200 ms",
            "taskmanager.numberOfTaskSlots": str(slots),
            "parallelism.default": "1",
            "heartbeat.interval": "500 ms",
            "heartbeat.timeout": "8 s",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "20",
            "restart-strategy.fixed-delay.delay": "100 ms",
            "execution.shutdown-on-application-finish": "false",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def start(self, name: str, *arguments: str) -> None:
        (self.folder / "config.yaml").write_text(json.dumps(self.settings))
        with (self.folder / f"{name}.out").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "penstock.launch.cli",
                    name.split("-")[0],
                    "--config-dir",
                    str(self.folder),
                    *arguments,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def start_jobmanager(self, program: Path, *arguments: str, job_id: str = JOB_ID) -> None:
        self.start("jobmanager", "--job-id", job_id, "--program", str(program), *arguments)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> int:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def get(self, path: str) -> Any:
        return self._http.get(path).json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._http.post(path, json=body).json()

    def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self._http.put(path, json=body)

    def patch(self, path: str) -> int:
        return self._http.patch(path).status_code

    def wait_for(self, what: str, condition: Callable[[], Any], seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found = condition()
            except (httpx.HTTPError, ValueError, KeyError):
                found = None
            if found:
                return found
            ended = [name for name, process in self.processes.items() if process.poll() not in (None, 0)]
            assert not ended, f"not {what}, for {ended} ended:\n{self.outputs()}"
            time.sleep(0.05)
        raise AssertionError(f"not {what} within {seconds} s:\n{self.outputs()}")

    def wait_status(self, status: str, job_id: str = JOB_ID) -> None:
        self.wait_for(status, lambda: self.get(f"/jobs/{job_id}/status").get("status") == status)

    def completed(self, job_id: str = JOB_ID) -> int:
        return int(self.get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"])

    def outputs(self) -> str:
        return "\n".join(
            f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in self.folder.glob("*.out")
        )

    def close(self) -> None:
        self._http.close()
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def cluster(folder: Path, slots: int = 2) -> Iterator[Cluster]:
    found = Cluster(folder, slots)
    try:
        yield found
    finally:
        found.close()
