"""The engines that run the record benchmarks, each as a command line for a program, an input folder and a parallelism."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.environments import BYTEWAX, FLINK, QUIXSTREAMS, Peer, java_environment

_HERE = Path(__file__).parent
PROGRAMS = ("running_sum", "window_count", "visits")


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine in one of its modes."""

    name: str
    parallelism: int
    records: Mapping[str, int]
    """How many records a measured run of each program reads: enough to take seconds."""
    peer: Peer | None = None
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    target: float | None = None
    """Our rate must be so many times its own."""

    def command(self, program: str, folder: Path) -> list[str | Path]:
        """How to run a program."""
        python = Path(sys.executable) if self.peer is None else self.peer.python
        if self.peer in (BYTEWAX, QUIXSTREAMS):
            return [python, _HERE / "peers" / f"{self.name}_programs.py", program, folder, "-"]
        options = [f"--option={option}" for option in self.options]
        return [
            python,
            _HERE / "programs" / "record_functions.py",
            program,
            folder,
            str(self.parallelism),
            *options,
        ]

    @property
    def is_present(self) -> bool:
        """It can run here."""
        return self.peer is None or self.peer.is_installed


def engines() -> list[Engine]:
    """Ours on one slot and on two, then the peers."""
    java = {"PATH": os.environ["PATH"], **java_environment()}
    java["PATH"] = f"{FLINK.python.parent}:{java['PATH']}"
    own = dict.fromkeys(PROGRAMS, 2_000_000)
    # The best of the bundle sizes that were tried; workers as processes, not as threads of the client.
    bundles = (
        "python.fn-execution.bundle.size=100000",
        "python.state.cache-size=100000",
        f"python.executable={FLINK.python}",
        f"python.client.executable={FLINK.python}",
    )
    process = {**java, "_python_worker_execution_mode": "process"}
    return [
        Engine("penstock", 1, own),
        Engine("penstock", 2, own),
        Engine(
            "PyFlink, process mode",
            2,
            {"running_sum": 300_000, "window_count": 200_000, "visits": 200_000},
            FLINK,
            (*bundles, "python.execution-mode=process"),
            process,
            target=20,
        ),
        Engine(
            "PyFlink, thread mode",
            2,
            {"running_sum": 500_000, "window_count": 300_000, "visits": 300_000},
            FLINK,
            (*bundles, "python.execution-mode=thread"),
            java,
            target=10,
        ),
        Engine(
            "bytewax",
            1,
            {"running_sum": 500_000, "window_count": 50_000, "visits": 50_000},
            BYTEWAX,
            target=1,
        ),
        Engine(
            "quixstreams",
            1,
            {"running_sum": 200_000, "window_count": 50_000, "visits": 50_000},
            QUIXSTREAMS,
            target=1,
        ),
    ]
