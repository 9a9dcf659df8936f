"""The pause of a rescale in place: the longest time between two records of a small keyed job around each change.

Parallelism goes 1 → 2 → 1 → 2 … over REST; every task notes when it handles records, on a clock that all processes
share. Slots are there before; the JobManager, the TaskManager and each slot are processes.
"""

import itertools
import statistics
import tempfile
import textwrap
import time
from pathlib import Path

from benchmarks.processes import JOB_ID, Processes, machine

CHANGES = 6
PROGRAM = """
    import os
    import time
    from pyflink.common import WatermarkStrategy
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.datastream.connectors.number_seq import NumberSequenceSource

    noted = {"file": None, "last": 0.0}

    def note(pair):
        now = time.monotonic()
        if now - noted["last"] > 0.001:
            if noted["file"] is None:
                noted["file"] = open(os.path.join(FOLDER, str(os.getpid())), "a", buffering=1)
            noted["file"].write(f"{now}\\n")
            noted["last"] = now
        return pair

    def paced(x):
        if x % 100 == 0:
            time.sleep(0.001)
        return (x % 1000, 1)

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    source = env.from_source(NumberSequenceSource(0, 10**9), WatermarkStrategy.no_watermarks(), "numbers")
    source.map(paced).key_by(lambda pair: pair[0]).sum(1).map(note).filter(lambda pair: False).print()
    env.execute("rescale")
"""


def change(cluster: Processes, parallelism: int) -> tuple[float, float]:
    """Ask for it and wait until it is so: when it was asked, when it was seen."""
    vertices = [vertex["id"] for vertex in cluster.get(f"/jobs/{JOB_ID}")["vertices"]]
    bounds = {"parallelism": {"lowerBound": 1, "upperBound": parallelism}}
    asked = time.monotonic()
    cluster.send("PUT", "resource-requirements", dict.fromkeys(vertices, bounds))

    def is_so() -> bool:
        job = cluster.get(f"/jobs/{JOB_ID}")
        present = {vertex["parallelism"] for vertex in job["vertices"]}
        return bool(job["state"] == "RUNNING" and present == {parallelism})

    cluster.until(f"at parallelism {parallelism}", is_so)
    return asked, time.monotonic()


def until_records(cluster: Processes, folder: Path, moment: float) -> None:
    """Wait until a task has noted records after that moment."""

    def newest() -> float:
        lines = [line for path in folder.iterdir() for line in path.read_text().split()[-1:]]
        return max(map(float, lines), default=0.0)

    cluster.until("records are handled", lambda: newest() > moment, pause=0.1)


def longest_gap(folder: Path, start: float, end: float) -> float:
    """Between two moments at which any task handled records."""
    found = sorted(float(line) for path in folder.iterdir() for line in path.read_text().split())
    around = [moment for moment in found if start - 0.2 <= moment <= end + 1.0]
    return max((after - before for before, after in itertools.pairwise(around)), default=0.0)


def main() -> None:
    """Change the parallelism back and forth; print the pauses."""
    with tempfile.TemporaryDirectory() as name, Processes(Path(name), 2) as cluster:
        folder = Path(name, "noted")
        folder.mkdir()
        program = Path(name, "program.py")
        program.write_text(f"FOLDER = {str(folder)!r}\n" + textwrap.dedent(PROGRAM))
        cluster.start("jobmanager", "--job-id", JOB_ID, "--program", str(program))
        cluster.start("taskmanager")
        cluster.until_running()
        running = time.monotonic()
        until_records(cluster, folder, running + 2)
        undisturbed = longest_gap(folder, running + 0.7, running + 1)
        pauses: dict[str, list[float]] = {"1 to 2": [], "2 to 1": []}
        for number in range(CHANGES):
            target = 2 if number % 2 == 0 else 1
            asked, seen = change(cluster, target)
            until_records(cluster, folder, seen + 1)
            pauses[f"{3 - target} to {target}"].append(longest_gap(folder, asked, seen))
    for kind, found in pauses.items():
        listed = ", ".join(f"{pause:.3f}" for pause in found)
        print(f"rescale in place {kind}: median pause {statistics.median(found):.3f} s ({listed})")
    print(f"without a rescale: {undisturbed:.3f} s ({machine()})")


if __name__ == "__main__":
    main()
