"""Apache Flink's own `flink` command works against our JobManager: list, savepoint, checkpoint, stop, cancel.

Its `run` sends a Java-serialised graph, which only Flink can read: it is refused in words.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.flink_cluster import running_job
from tests.conformance.flink_distribution import FlinkDistribution, flink_distribution
from tests.launch.cluster_processes import JOB_ID, Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def flink() -> FlinkDistribution:
    return flink_distribution()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A job that goes on."""
    with running_job(tmp_path_factory.mktemp("running")) as found:
        yield found


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[Cluster]:
    """A job that the test ends."""
    with running_job(tmp_path) as found:
        yield found


def said(flink: FlinkDistribution, running: Cluster, verb: str, *arguments: str) -> str:
    """What `flink VERB -m …` prints; it must end well."""
    done = flink.cli(running.folder / "conf", verb, "-m", f"127.0.0.1:{running.port}", *arguments)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def path_in(text: str) -> Path:
    found = re.search(r"Path: (\S+)", text)
    assert found, text
    return Path(found[1].removeprefix("file://").removeprefix("file:"))


def test_list_shows_running_jobs(flink: FlinkDistribution, running: Cluster) -> None:
    assert f"{JOB_ID} : conformance (RUNNING)" in said(flink, running, "list", "-r")
    assert "No scheduled jobs" in said(flink, running, "list", "-s")


def test_a_cancelled_job_is_listed_as_such(flink: FlinkDistribution, ending: Cluster) -> None:
    assert "Cancelled job" in said(flink, ending, "cancel", JOB_ID)
    ending.wait_status("CANCELED")
    assert f"{JOB_ID} : conformance (CANCELED)" in said(flink, ending, "list", "-a")


def test_savepoints_are_taken_and_disposed_of(flink: FlinkDistribution, running: Cluster) -> None:
    target = running.folder / "taken"
    path = path_in(said(flink, running, "savepoint", JOB_ID, f"file://{target}"))
    assert (path / "_metadata").is_file()
    native = path_in(said(flink, running, "savepoint", JOB_ID, f"file://{target}", "-type", "native"))
    assert (native / "_metadata").is_file()
    assert "disposed" in said(flink, running, "savepoint", "-d", f"file://{path}")
    assert not path.exists()


def test_a_savepoint_into_the_configured_folder(flink: FlinkDistribution, running: Cluster) -> None:
    path = path_in(said(flink, running, "savepoint", JOB_ID))
    assert path.parent == running.folder / "savepoints"


def test_checkpoints_are_taken(flink: FlinkDistribution, running: Cluster) -> None:
    for arguments in ((), ("-full",)):
        text = said(flink, running, "checkpoint", *arguments, JOB_ID)
        assert re.search(r"Checkpoint(\(FULL\))? \d+ for job \w+ completed", text), text


@pytest.mark.parametrize("drain", [False, True])
def test_stop_takes_a_savepoint_and_the_job_finishes(
    flink: FlinkDistribution, ending: Cluster, drain: bool
) -> None:
    target = f"file://{ending.folder / 'stopped'}"
    arguments = ("--drain",) if drain else ()
    path = path_in(said(flink, ending, "stop", *arguments, "-p", target, JOB_ID))
    assert (path / "_metadata").is_file()
    ending.wait_status("FINISHED")


def test_cancel_with_a_savepoint(flink: FlinkDistribution, ending: Cluster) -> None:
    target = f"file://{ending.folder / 'cancelled'}"
    text = said(flink, ending, "cancel", "-s", target, JOB_ID)
    found = re.search(r"Savepoint stored in (\S+?)\.?\s", text + " ")
    assert found, text
    assert (Path(found[1].removeprefix("file://")) / "_metadata").is_file()
    ending.wait_for(
        "the end", lambda: ending.get(f"/jobs/{JOB_ID}/status")["status"] in ("CANCELED", "FINISHED")
    )


def test_an_unknown_job_is_an_error(flink: FlinkDistribution, running: Cluster) -> None:
    done = flink.cli(running.folder / "conf", "cancel", "-m", f"127.0.0.1:{running.port}", "0" * 32)
    assert done.returncode != 0
    assert "not found" in done.stdout + done.stderr
