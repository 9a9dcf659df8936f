"""The `penstock` command: Flink's verbs and flags, what they print, and exit statuses a script can rely on."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.cluster_processes import JOB_ID, Cluster, cluster
from tests.servers.process import free_port

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("command-line")]

PROGRAM = """
import sys, time
from penstock.datastream import StreamExecutionEnvironment
def slow(x):
    time.sleep(0.001)
    return (x % 3, 1)
env = StreamExecutionEnvironment.get_execution_environment()
size = int(sys.argv[sys.argv.index("--size") + 1])
env.from_collection(list(range(size))).map(slow).key_by(lambda x: x[0]).sum(1).uid("counts").print()
env.execute("counting")
"""


def penstock(*arguments: str, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "penstock.launch.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("commands"), slots=2) as found:
        (found.folder / "program.py").write_text(PROGRAM)
        found.start("jobmanager")
        found.start("taskmanager", "--resource-id", "tm")
        found.wait_for("slots", lambda: found.get("/overview")["slots-available"] == 2)
        yield found


def said(running: Cluster, verb: str, *arguments: str) -> str:
    done = penstock(verb, "-m", f"127.0.0.1:{running.port}", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def started(running: Cluster, *options: str) -> str:
    program = str(running.folder / "program.py")
    text = said(running, "run", "-d", *options, program, "--size", "2000000")
    job = text.rsplit(" ", 1)[1]
    running.wait_status("RUNNING", job)
    return job


def test_a_job_is_snapshotted_stopped_and_goes_on(running: Cluster) -> None:
    job = started(running)
    assert job in said(running, "list", "-r")
    assert job not in said(running, "list", "-s")
    taken = said(running, "savepoint", job, f"file://{running.folder}/taken")
    assert Path(taken.removeprefix("file://"), "_metadata").is_file()
    assert "Deleted" in said(running, "savepoint", "-d", taken)
    assert not Path(taken.removeprefix("file://")).exists()
    assert said(running, "checkpoint", job).isdigit()
    assert re.fullmatch("[0-9a-f]{32}", said(running, "savepoint", "-detached", job))
    stopped = said(running, "stop", "-p", f"file://{running.folder}/stopped", job)
    assert running.get(f"/jobs/{job}/status")["status"] == "FINISHED"
    again = started(running, "-s", stopped)
    assert running.get(f"/jobs/{again}/checkpoints")["latest"]["restored"]["external_path"] == stopped
    cancelled = said(running, "cancel", "-s", f"file://{running.folder}/cancelled", again)
    assert "savepoint-" in cancelled
    assert job in said(running, "list", "-a")
    assert said(running, "list") == "No jobs."


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("cancel", "0" * 32), 1, "not found"),
        (("stop", "xyz"), 1, "Cannot resolve path parameter"),
        (("savepoint",), 1, "name the job"),
        (("savepoint", "-d", "file:///no/such"), 1, "there is no savepoint"),
        (("savepoint", "--type", "ODD", "0" * 32), 2, "CANONICAL or NATIVE"),
        (("run",), 2, "name the program"),
        (("run", "/no/such.py"), 1, "there is no program"),
    ],
)
def test_errors_say_what_is_wrong(
    running: Cluster, arguments: tuple[str, ...], status: int, text: str
) -> None:
    verb, *rest = arguments
    done = penstock(verb, "-m", f"127.0.0.1:{running.port}", *rest)
    assert (done.returncode, text in done.stderr) == (status, True), done.stderr


def test_a_jobmanager_that_is_not_there(tmp_path: Path) -> None:
    done = penstock("list", "-m", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "name it with -m HOST:PORT" in done.stderr


def test_a_program_runs_on_a_cluster_of_its_own(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = penstock(
        "run-application", "--rest-port", str(free_port()), "-p", "2", str(program), "--size", "30"
    )
    assert done.returncode == 0, done.stderr
    assert "(0, 10)" in done.stdout
    program.write_text("raise ValueError('no such topic')")
    failed = penstock("run-application", "--rest-port", str(free_port()), str(program))
    assert failed.returncode == 1
    assert "no such topic" in failed.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_cluster_of_its_own_ends_as_a_whole(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with cluster(tmp_path) as found:
        words = ["run-application", "--rest-port", str(found.port), str(program), "--size", "2000000"]
        command = [sys.executable, "-m", "penstock.launch.cli", *words]
        before = signal.signal(
            number, signal.SIG_DFL
        )  # what a background process ignores, its children would
        try:
            application = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            signal.signal(number, before)
        found.processes["application"] = application
        found.wait_for("the job", lambda: found.get("/overview")["jobs-running"] == 1)
        children = children_of(application.pid)
        assert len(children) == 2
        application.send_signal(number)
        assert application.wait(60) == 128 + number
        assert not [child for child in children if Path(f"/proc/{child}").exists()]


@pytest.mark.parametrize(("verb", "said_last"), [("stop", "savepoint-"), ("cancel", "CANCELED")])
def test_who_ends_a_job_is_told_though_its_cluster_ends_with_it(
    tmp_path: Path, verb: str, said_last: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with cluster(tmp_path) as found:
        del found.settings["execution.shutdown-on-application-finish"]
        found.start_jobmanager(program, "--", "--size", "2000000")
        found.start("taskmanager", "--resource-id", "tm")
        found.wait_status("RUNNING")
        text = said(found, verb, JOB_ID)
        assert said_last in text
        assert found.processes.pop("jobmanager").wait(60) in (0, 1)


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("flag", ["-rm", "--claimMode"])
def test_a_claim_mode_reaches_the_job_of_a_cluster_of_its_own(tmp_path: Path, flag: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    state = ("-s", f"file://{tmp_path}/savepoint")
    done = penstock(
        "run-application", "--rest-port", str(free_port()), *state, flag, "MINE", str(program), "--size", "3"
    )
    assert done.returncode == 1
    assert "'MINE': use one of CLAIM, NO_CLAIM, LEGACY" in done.stderr


def test_a_program_runs_on_a_mini_cluster_and_its_plan_is_shown(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = penstock("run", "-py", str(program), "--", "--size", "30")
    assert done.returncode == 0, done.stderr
    assert "(0, 10)" in done.stdout
    plan = penstock("info", str(program), "--size", "3")
    assert plan.returncode == 0
    assert '"name": "counting"' in plan.stdout
