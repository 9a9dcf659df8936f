"""How long starting and stopping take: a five-element job by `penstock run`, a stop with a savepoint of a million keys,
and the way of a job restored from it from created to running.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import JOB_ID, Processes, machine

RUNS = 5
KEYS = 1_000_000
FIVE = """
    from pyflink.datastream import StreamExecutionEnvironment
    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection([1, 2, 3, 4, 5]).map(lambda x: x + 1).print()
    env.execute("five")
"""
KEYED = """
    import time
    from pyflink.common import WatermarkStrategy
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.datastream.connectors.number_seq import NumberSequenceSource

    def paced(x):
        if x > KEYS and x % 100 == 0:
            time.sleep(0.002)
        return (x % KEYS, 1)

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    source = env.from_source(NumberSequenceSource(0, 10**12), WatermarkStrategy.no_watermarks(), "numbers")
    source.map(paced).key_by(lambda pair: pair[0]).sum(1).filter(lambda pair: False).print()
    env.execute("keys")
"""


def cold_run(program: Path) -> tuple[float, float]:
    """Wall and CPU seconds of `penstock run`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, "-m", "penstock.launch.cli", "run", str(program)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    took = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def has_all_keys(cluster: Processes) -> bool:
    """The source has emitted every key once."""
    vertex: dict[str, Any] = cluster.get(f"/jobs/{JOB_ID}")["vertices"][0]
    return int(vertex["metrics"]["write-records"]) > KEYS


def stopped(cluster: Processes) -> tuple[str, float]:
    """Stop with a savepoint; its place, and seconds until everything was committed and on record."""
    started = time.perf_counter()
    trigger = cluster.send("POST", "stop", {"drain": False})["request-id"]
    found: dict[str, Any] = {}

    def is_done() -> bool:
        found.update(cluster.get(f"savepoints/{trigger}"))
        return bool(found["status"]["id"] == "COMPLETED")

    cluster.until("stopped", is_done)
    return str(found["operation"]["location"]), time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        program = Path(name, "five.py")
        program.write_text(textwrap.dedent(FIVE))
        runs = [cold_run(program) for _ in range(RUNS)]
    walls, shares = [wall for wall, _ in runs], [cpu for _, cpu in runs]
    print(
        f"penstock run of five elements: best {min(walls):.2f} s, median {statistics.median(walls):.2f} s; "
        f"CPU of all its processes {min(shares):.2f} s"
    )
    with tempfile.TemporaryDirectory() as name, Processes(Path(name), 1) as cluster:
        program = Path(name, "keys.py")
        program.write_text(f"KEYS = {KEYS}\n" + textwrap.dedent(KEYED))
        first = cluster.start("jobmanager", "--job-id", JOB_ID, "--program", str(program))
        cluster.start("taskmanager")
        cluster.until_running()
        cluster.until("all keys", lambda: has_all_keys(cluster), pause=0.2)
        place, took = stopped(cluster)
        size = sum(
            path.stat().st_size for path in Path(place.removeprefix("file://")).rglob("*") if path.is_file()
        )
        print(f"stop with a savepoint of {KEYS:,} keys ({size / 1e6:.0f} MB): {took:.2f} s")
        cluster.end(first)
        for file in Path(name, "checkpoints").rglob("_*"):
            file.unlink()
        cluster.start("jobmanager", "--job-id", JOB_ID, "--program", str(program), "--from-savepoint", place)
        cluster.until_running()
        times = cluster.get(f"/jobs/{JOB_ID}")["timestamps"]
        print(f"created to running from it: {(times['RUNNING'] - times['CREATED']) / 1000:.2f} s")
    print(machine())


if __name__ == "__main__":
    main()
