"""Python functions, one record at a time: three programs on Penstock and on its peers, in the same run, as ratios.

A rate is marginal: the time of a run minus that of a run with few records, so that starting up counts for nobody. Every
engine reads the same JSON lines from files; one file for each of its slots.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clicks import write_clicks
from benchmarks.engines import PROGRAMS, Engine, engines
from benchmarks.measured import Measured, ProgramFailed, run_measured
from benchmarks.report import Figure, Report

_FEW = 1_000
_TRIES = int(os.environ.get("BENCH_TRIES", "2"))
_SCALING_TARGET = 1.15


@dataclass(frozen=True, slots=True)
class Rate:
    """What one engine did on one program."""

    per_second: float
    cpu_microseconds: float
    """CPU time of a record."""


class Inputs:
    """Folders of clicks by count and number of files, written when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, count: int, files: int) -> Path:
        """Those clicks."""
        path = self._root / f"{count}-{files}"
        if not path.exists():
            write_clicks(path, count, files)
        return path


def rate_of(engine: Engine, program: str, inputs: Inputs) -> Rate:
    """The marginal rate of the best try."""
    many = engine.records[program]

    def runs(count: int) -> list[Measured]:
        command = engine.command(program, inputs.folder(count, engine.parallelism))
        return [run_measured(command, env=engine.env) for _ in range(_TRIES)]

    few_runs, many_runs = runs(_FEW), runs(many)
    seconds = min(run.seconds for run in many_runs) - min(run.seconds for run in few_runs)
    cpu = min(run.cpu_seconds for run in many_runs) - min(run.cpu_seconds for run in few_runs)
    return Rate((many - _FEW) / max(seconds, 1e-6), 1e6 * cpu / (many - _FEW))


def main() -> None:
    """Run everything that is installed; say what is not."""
    report = Report("record_functions")
    present = [engine for engine in engines() if engine.is_present]
    for engine in engines():
        if not engine.is_present:
            print(f"{engine.name} is not installed: `make bench-peers` does it")
    with tempfile.TemporaryDirectory(prefix="clicks-") as folder:
        inputs = Inputs(Path(folder))
        for program in PROGRAMS:
            measure(report, program, present, inputs)
    report.show()
    print(f"written to {report.write()}")


def measure(report: Report, program: str, present: list[Engine], inputs: Inputs) -> None:
    """One program on every engine."""
    ours: dict[int, Rate] = {}
    for engine in present:
        try:
            rate = rate_of(engine, program, inputs)
        except ProgramFailed as error:
            print(f"{engine.name} failed at {program}: {error}")
            continue
        where = f"{engine.name}, {engine.parallelism} slots" if engine.peer is None else engine.name
        ratio = None
        target = ""
        if engine.peer is None:
            ours[engine.parallelism] = rate
        else:
            ratio = ours[engine.parallelism].per_second / rate.per_second
            target = f">= {engine.target:g}"
        report.add(Figure(program, where, rate.per_second, "records/s", ratio, target))
        cpu_ratio = (
            None if engine.peer is None else rate.cpu_microseconds / ours[engine.parallelism].cpu_microseconds
        )
        report.add(Figure(f"{program}, CPU", where, rate.cpu_microseconds, "us/record", cpu_ratio))
    one, two = ours[1], ours[2]
    growth = two.cpu_microseconds / one.cpu_microseconds
    report.add(
        Figure(f"{program}, CPU at 2 slots / at 1", "penstock", growth, "", growth, f"<= {_SCALING_TARGET}")
    )
    report.add(
        Figure(f"{program}, speed-up of 2 slots", "penstock", two.per_second / one.per_second, "times")
    )


if __name__ == "__main__":
    main()
