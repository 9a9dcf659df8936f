"""A running job's REST bodies hold everything that Apache Flink 2.3's do.

`flink_shapes.json` has the fields of bodies recorded from a Flink 2.3.0 cluster: path → the same structure with the
kinds of values. Ours may have more fields, never fewer, and the same kinds.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.launch.cluster_processes import JOB_ID, Cluster, cluster

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("recorded-bodies")]

SHAPES: dict[str, Any] = json.loads((Path(__file__).parent / "flink_shapes.json").read_text())
PROGRAM = """
import time
from penstock.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
def slow(x):
    time.sleep(0.002)
    return (x % 3, 1)
env.from_collection(list(range(200_000))).map(slow).key_by(lambda x: x[0]).sum(1).print()
env.execute("counting")
"""
EXCUSED = {"/jars"}
"""Answered by session clusters; their own test looks at it."""


class Places:
    """The ids that fill the paths, of one running cluster."""

    def __init__(self, running: Cluster) -> None:
        self.running = running
        vertices = running.get(f"/jobs/{JOB_ID}")["vertices"]
        # The recorded vertex with a watermark is the second one: it reads from a shuffle.
        self.vertex = vertices[-1]["id"]

    def path(self, shape: str) -> str:
        filled = shape.replace("{job}", JOB_ID).replace("{vertex}", self.vertex).replace("{tm}", "tm")
        # The newest now: the statistics remember the last ten only.
        latest = self.running.get(f"/jobs/{JOB_ID}/checkpoints")["latest"]["completed"]
        return filled.replace("{checkpoint}", str(latest["id"]))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    folder = tmp_path_factory.mktemp("recorded")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    with cluster(folder) as running:
        running.settings["execution.checkpointing.num-retained"] = "20"
        running.settings["execution.checkpointing.interval"] = "1 s"
        running.settings["rest.flamegraph.num-samples"] = "20"
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        running.wait_for("a checkpoint", lambda: running.completed() >= 1)
        found = Places(running)
        metrics = found.path("/jobs/{job}/vertices/{vertex}/subtasks/metrics")
        running.wait_for("metrics", lambda: {"id": "numRecordsIn"} in running.get(metrics))
        yield found


def problems(expected: Any, found: Any, where: str = "") -> list[str]:
    """What of `expected` is missing in `found`."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{where} should be an object: {found!r}"]
        missing = [f"{where}.{key} is missing" for key in expected if key not in found and not varies(key)]
        return missing + [
            p for k, v in expected.items() if k in found for p in problems(v, found[k], f"{where}.{k}")
        ]
    if isinstance(expected, list):
        if not isinstance(found, list):
            return [f"{where} should be a list: {found!r}"]
        if expected and not found and not where.endswith(NOT_OURS):
            return [f"{where} should not be empty"]
        return problems(expected[0], found[0], f"{where}[0]") if expected and found else []
    kinds: dict[str, Callable[[Any], bool]] = {
        "number": lambda value: (
            value == "NaN" or (isinstance(value, int | float) and not isinstance(value, bool))
        ),
        "text": lambda value: isinstance(value, str),
        "bool": lambda value: isinstance(value, bool),
        "null": lambda value: True,
    }
    return [] if found is None or kinds[expected](found) else [f"{where} should be a {expected}: {found!r}"]


NOT_OURS = "garbageCollectors"
"""A Python process counts references; its slots' collectors are not told of."""


def varies(key: str) -> bool:
    """Keys that depend on the job: ids, and states that no task is in."""
    return key == "*" or key.isupper()


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - EXCUSED))
def test_everything_flink_says_is_said(places: Places, shape: str) -> None:
    path, expected = places.path(shape), SHAPES[shape]
    if "value" in json.dumps(expected) and "get=" in path:
        known = {row["id"] for row in places.running.get(path.split("?")[0])}
        wanted = set(path.split("get=")[1].split("&")[0].split(","))
        assert known & wanted, f"none of {sorted(wanted)} is measured"
        expected = [{"id": "text", "value": "text"}]
    if shape.endswith("/execution-result"):
        expected = {"status": {"id": "text"}}
    found = places.running.get(path)
    if shape.endswith("/checkpoints"):
        # Recorded between two checkpoints: one that is under way has no path yet, in Flink as here.
        found["history"] = [entry for entry in found["history"] if entry["status"] == "COMPLETED"]
    assert problems(expected, found) == [], json.dumps(found)[:2000]


def test_stacks_of_every_process_are_shown(places: Places) -> None:
    def dumped() -> str:
        return json.dumps(places.running.get("/taskmanagers/tm/thread-dump")["threadInfos"])

    # Not every look catches it there.
    places.running.wait_for("the task thread in the program's function", lambda: "in slow" in dumped())
    threads = json.loads(dumped())
    assert any("commands" in thread["threadName"] for thread in threads), "a slot's"
    assert any("MainThread" in thread["threadName"] for thread in threads)


def test_a_flame_graph_shows_the_programs_function(places: Places) -> None:
    running = places.running
    source = running.get(f"/jobs/{JOB_ID}")["vertices"][0]["id"]
    path = f"/jobs/{JOB_ID}/vertices/{source}/flamegraph"
    graph = running.wait_for("samples", lambda: (g := running.get(path)).get("data") and g)
    assert "slow" in json.dumps(graph["data"])
    assert graph["data"]["value"] == sum(child["value"] for child in graph["data"]["children"])
    on, off = (running.get(f"{path}?type={kind}")["data"]["value"] for kind in ("on_cpu", "off_cpu"))
    assert on + off == graph["data"]["value"]
    assert off > on, "a function that sleeps is off the CPU"
    assert running.get(f"{path}?subtaskindex=7") == {"endTimestamp": -1}


def test_log_files_and_output_are_shown(places: Places) -> None:
    base = f"http://127.0.0.1:{places.running.port}"
    for who in ("jobmanager", "taskmanagers/tm"):
        logs = httpx.get(f"{base}/{who}/logs", timeout=60).json()["logs"]
        assert logs
        text = httpx.get(f"{base}/{who}/logs/{logs[0]['name']}", timeout=60).text
        assert "registered" in text
        assert httpx.get(f"{base}/{who}/log", timeout=60).text
        assert httpx.get(f"{base}/{who}/logs/..%2Fconfig.yaml", timeout=60).status_code == 404
        assert httpx.get(f"{base}/{who}/stdout", timeout=60).status_code == 200


def test_prometheus_names_are_those_of_flinks_reporter(places: Places) -> None:
    running = places.running

    def seen() -> set[str]:
        text = httpx.get(f"http://127.0.0.1:{running.port}/metrics", timeout=60).text
        return {line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")}

    wanted = {
        "flink_jobmanager_numRegisteredTaskManagers",
        "flink_jobmanager_taskSlotsAvailable",
        "flink_jobmanager_Status_JVM_Memory_Heap_Used",
        "flink_jobmanager_job_numRestarts",
        "flink_jobmanager_job_lastCheckpointDuration",
        "flink_taskmanager_Status_JVM_CPU_Load",
        "flink_taskmanager_job_task_numRecordsIn",
        "flink_taskmanager_job_task_busyTimeMsPerSecond",
        "flink_taskmanager_job_task_operator_numRecordsIn",
    }
    running.wait_for("all families", lambda: wanted <= seen())


def test_a_savepoint_is_disposed_of_and_only_a_savepoint(places: Places) -> None:
    running = places.running
    trigger = running.post(f"/jobs/{JOB_ID}/savepoints", {})["request-id"]
    path = f"/jobs/{JOB_ID}/savepoints/{trigger}"
    done = running.wait_for(
        "savepoint", lambda: (s := running.get(path))["status"]["id"] == "COMPLETED" and s
    )
    location = done["operation"]["location"]
    assert dispose(running, location) == {}
    assert not Path(location.removeprefix("file://").removeprefix("file:")).exists()
    again = dispose(running, location)["failure-cause"]["stack-trace"]
    assert "there is no savepoint" in again
    (running.folder / "precious").mkdir()
    assert "failure-cause" in dispose(running, f"file://{running.folder}/precious")
    assert (running.folder / "precious").is_dir()


def dispose(running: Cluster, location: str) -> dict[str, Any]:
    trigger = running.post("/savepoint-disposal", {"savepoint-path": location})["request-id"]
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = running.get(f"/savepoint-disposal/{trigger}")
        if found["status"]["id"] == "COMPLETED":
            return dict(found["operation"])
        time.sleep(0.05)
    raise AssertionError("the disposal did not end")
