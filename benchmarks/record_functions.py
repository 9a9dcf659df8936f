"""Python functions, one record at a time: three programs on Penstock and on its peers, in the same run, as ratios.

A rate is marginal: the time of a run minus that of a run with few records, so that starting up counts for nobody. Every
engine reads the same JSON lines from files; one file for each of its slots.
"""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clicks import write_clicks
from benchmarks.engines import PROGRAMS, Engine, engines
from benchmarks.measured import Measured, ProgramFailed, run_measured
from benchmarks.report import Figure, Report

_FEW = 1_000
_TRIES = int(os.environ.get("BENCH_TRIES", "2"))
_SCALING_TARGET = 1.15
_LEAST_SHARE = 0.2
"""What the records must add to the time of a run with few of them, for a rate to mean something."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one engine did on one program."""

    per_second: float
    cpu_microseconds: float
    """CPU time of a record."""


class Unmeasurable(RuntimeError):
    """Start-up took so much of a run, or varied so much, that the records' part cannot be told from it."""


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

    return marginal_rate(runs(_FEW), runs(many), many - _FEW)


def rate_beside(engine: Engine, program: str, inputs: Inputs) -> Rate:
    """The rate of one job while another one like it, with which it shares nothing, has the other core.

    What a record takes more of there than of a job alone is the machine's: its caches, its clock, its threads of one core.
    """
    many = engine.records[program]

    def pair(count: int) -> Measured:
        command = engine.command(program, inputs.folder(count, engine.parallelism))
        with ThreadPoolExecutor(2) as both:
            runs = list(both.map(lambda _: run_measured(command, env=engine.env), range(2)))
        return Measured(
            max(run.seconds for run in runs),
            max(run.wall_seconds for run in runs),
            sum(run.cpu_seconds for run in runs) / 2,
        )

    few, most = ([pair(count) for _ in range(_TRIES)] for count in (_FEW, many))
    return marginal_rate(few, most, many - _FEW)


def marginal_rate(few: list[Measured], many: list[Measured], records: int) -> Rate:
    """What `records` more records took, by the best tries; Unmeasurable where noise may be larger than that."""
    start, cpu_start = min(run.seconds for run in few), min(run.cpu_seconds for run in few)
    seconds = min(run.seconds for run in many) - start
    cpu = min(run.cpu_seconds for run in many) - cpu_start
    if seconds < _LEAST_SHARE * start or cpu < _LEAST_SHARE * cpu_start:
        raise Unmeasurable(
            f"{records:,} records took {seconds:.1f} s ({cpu:.1f} s of CPU) beside {start:.1f} s ({cpu_start:.1f} s) of "
            "starting up: run it again on a quiet machine"
        )
    return Rate(records / seconds, 1e6 * cpu / records)


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
        except (ProgramFailed, Unmeasurable) as error:
            print(f"{engine.name} gave no figure for {program}: {error}")
            continue
        where = f"{engine.name}, {engine.parallelism} slots" if engine.peer is None else engine.name
        ratio = None
        target = ""
        if engine.peer is None:
            ours[engine.parallelism] = rate
        elif engine.parallelism in ours:
            ratio = ours[engine.parallelism].per_second / rate.per_second
            target = f">= {engine.target:g}"
        report.add(Figure(program, where, rate.per_second, "records/s", ratio, target))
        cpu_ratio = None
        if engine.peer is not None and engine.parallelism in ours:
            cpu_ratio = ours[engine.parallelism].cpu_microseconds / rate.cpu_microseconds
        report.add(Figure(f"{program}, CPU", where, rate.cpu_microseconds, "us/record", cpu_ratio))
    if len(ours) < 2:
        return
    one, two = ours[1], ours[2]
    try:
        beside = rate_beside(present[0], program, inputs)
    except (ProgramFailed, Unmeasurable) as error:
        print(f"two jobs at once gave no figure for {program}: {error}")
    else:
        floor = beside.cpu_microseconds / one.cpu_microseconds
        report.add(
            Figure(f"{program}, CPU of each of two jobs at once / of one", "penstock", floor, "", floor)
        )
    growth = two.cpu_microseconds / one.cpu_microseconds
    report.add(
        Figure(f"{program}, CPU at 2 slots / at 1", "penstock", growth, "", growth, f"<= {_SCALING_TARGET}")
    )
    report.add(
        Figure(f"{program}, speed-up of 2 slots", "penstock", two.per_second / one.per_second, "times")
    )


if __name__ == "__main__":
    main()
