"""Real jobs: backends chosen by configuration, savepoints in both formats, moved, read offline, restored elsewhere.

The counts in a snapshot must add up to the source's position in it: then nothing was lost or counted twice.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.checkpoint.reader import SnapshotReader
from tests.servers.process import wait_until

PROGRAM = """
import sys, time
from dataclasses import dataclass
from pathlib import Path

from penstock.compat import install_alias

install_alias()

from pyflink.common import Types, WatermarkStrategy
from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor


@dataclass
class Visit:
    count: int = 0


class Count(KeyedProcessFunction):
    def open(self, ctx):
        self.visits = ctx.get_state(ValueStateDescriptor("visits", Types.PICKLED_BYTE_ARRAY()))
        self.last = ctx.get_map_state(MapStateDescriptor("last", Types.STRING(), Types.LONG()))

    def process_element(self, value, ctx):
        visit = self.visits.value() or Visit()
        visit.count += 1
        if visit.count == 1:
            ctx.timer_service().register_processing_time_timer(4102444800000 + value)
        self.visits.update(visit)
        self.last.put("last", value)
        return []

    def on_timer(self, timestamp, ctx):
        return []


def graph(parallelism, settings):
    from pyflink.common import Configuration

    configuration = Configuration()
    for key, value in settings.items():
        configuration.set_string(key, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(parallelism)
    numbers = env.from_source(NumberSequenceSource(0, 10**12), WatermarkStrategy.no_watermarks(), "numbers")
    numbers.uid("numbers").key_by(lambda n: n % 1000).process(Count()).uid("count").print()
    return env.job_graph("visits")
"""

DRIVER = """
import json, os, sys, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from visits import graph
from penstock.launch.minicluster import MiniCluster


def kill_a_slot():
    for folder in Path("/proc").iterdir():
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = folder.joinpath("cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and b"penstock.taskmanager.worker" in command:
            os.kill(int(folder.name), 9)
            return
    raise AssertionError("there is no slot")


def wait(job, completed):
    deadline = time.monotonic() + 60
    history = job.running.machine.job.coordinator.history
    while history.completed < completed:
        assert time.monotonic() < deadline, job.running.machine.job.failure
        time.sleep(0.05)
    return history.completed


def run(cluster, step):
    job = cluster.submit(graph(step["parallelism"], step["settings"]), savepoint=step.get("from"))
    completed = wait(job, step.get("checkpoints", 1))
    if step.get("kill"):
        kill_a_slot()
        wait(job, completed + 2)
    path = job.stop(step["to"], is_native=step["native"])
    print(json.dumps(path), flush=True)


with MiniCluster(2) as cluster:
    for line in sys.stdin:
        run(cluster, json.loads(line))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The program, with its driver."""
    (tmp_path / "visits.py").write_text(PROGRAM)
    (tmp_path / "driver.py").write_text(DRIVER)
    return tmp_path


class Driver:
    """A mini cluster in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = (folder / "driver.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, str(folder / "driver.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=folder,
        )

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.communicate(timeout=120)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()

    def run(self, **step: Any) -> str:
        """Run a job until it has checkpoints, stop it; the savepoint's path."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, (self._folder / "driver.log").read_text()[-3000:]
        return str(json.loads(line))


def settings_of(folder: Path, backend: str, **more: str) -> dict[str, str]:
    return {
        "state.backend.type": backend,
        "state.backend.rocksdb.localdir": str(folder / "local"),
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.interval": "150 ms",
        "execution.checkpointing.dir": str(folder / "checkpoints"),
        **more,
    }


def state(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "penstock.launch.cli", "state", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def counted(path: str) -> int:
    """The sum of all counts in a snapshot; it must be how far the source is."""
    reader = SnapshotReader(path, {})
    entries = [entry for entry in reader.entries(reader.operator("count")) if entry.state == "visits"]
    assert len({entry.key for entry in entries}) == len(entries) == 1000
    total: int = sum(entry.value.content["count"] for entry in entries)
    positions = [split for subtask in reader.operator("numbers").subtasks for split in subtask.splits]
    assert total == sum(split["position"] for split in positions), positions
    return total


@pytest.mark.timeout(300)
def test_jobs_move_between_backends_formats_folders_and_parallelisms(folder: Path) -> None:
    with Driver(folder) as driver:
        rocksdb, hashmap = settings_of(folder, "rocksdb"), settings_of(folder, "hashmap")
        to = str(folder / "savepoints")
        first = driver.run(parallelism=1, settings=rocksdb, checkpoints=3, to=to, native=True)
        seen = counted(first)
        shared = list((folder / "checkpoints").glob("*/shared/*.sst"))
        assert shared
        wait_until(lambda: not list((folder / "local").iterdir()), "the slots to clear up after the job")

        moved = folder / "moved"
        Path(first.removeprefix("file://")).rename(moved)
        second = driver.run(
            parallelism=2,
            settings=rocksdb,
            checkpoints=2,
            kill=True,
            to=to,
            native=False,
            **{"from": str(moved)},
        )
        seen, before = counted(second), seen
        assert seen > before

        third = driver.run(parallelism=1, settings=hashmap, to=to, native=False, **{"from": second})
        assert counted(third) > seen
        fourth = driver.run(parallelism=2, settings=rocksdb, to=to, native=True, **{"from": third})
        assert counted(fourth) > seen

    shown = json.loads(state("show", fourth, "--format", "json"))
    (count,) = [found for found in shown["operators"] if found["uid"] == "count"]
    assert count["format"] == "native"
    assert count["parallelism"] == 2
    entries = {found["name"]: found["entries"] for found in count["states"]}
    assert entries == {"visits": 1000, "last": 1000, "(processing timers)": 1000}
    chosen = ("dump", third, "--operator", "count", "--state", "visits", "--key", "7")
    (known,) = state(*chosen, "--python-files", str(folder / "visits.py")).splitlines()
    (row,) = state(*chosen).splitlines()
    found = json.loads(row)
    assert found["key"] == 7
    assert found["value"]["__class__"].endswith(".Visit")
    assert json.loads(known)["value"]["count"] == found["value"]["content"]["count"] > 0
