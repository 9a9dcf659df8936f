"""The processes of `penstock run-application`: a TaskManager, and a JobManager whose end is the application's.

Called by `launch.run_verbs`. Whatever ends this process but SIGKILL ends both; neither is ever left behind.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_CLI = (sys.executable, "-m", "penstock.launch.cli")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.1
STOP_SECONDS = 30.0
"""How long a process may take to end by itself; killed then."""


def run_cluster(folder: Path, jobmanager: Sequence[str]) -> int:
    """Run both until the JobManager ends; its exit status, or 128 and the signal that this process was told to end by.

    `folder` holds config.yaml; `jobmanager` are the JobManager's arguments after the folder's.
    """
    processes: list[subprocess.Popen[bytes]] = []
    with _signals_noted() as told:
        try:
            for verb, *rest in (["taskmanager", "--resource-id", "local"], ["jobmanager", *jobmanager]):
                processes.append(subprocess.Popen([*_CLI, verb, "--config-dir", str(folder), *rest]))
            while not told:
                with suppress(subprocess.TimeoutExpired):
                    return processes[-1].wait(_LOOK_SECONDS)
            return 128 + told[0]
        finally:
            for process in reversed(processes):
                _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)  # does nothing to one that has ended
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """The signals that would end this process, as they come; one that it was started to ignore stays ignored."""
    told: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        told.append(number)

    noted = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in noted}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
