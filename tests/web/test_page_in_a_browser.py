"""The page in a real browser: what it shows of a running job, its buttons, a phone's width, dark, and a token."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.cluster_processes import Cluster, cluster
from tests.web.browser import Browser

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

PROGRAM = """
import sys, time
from penstock.common import Duration, WatermarkStrategy
from penstock.common.watermark_strategy import TimestampAssigner
from penstock.datastream import StreamExecutionEnvironment
class Stamp(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return 1_700_000_000_000 + value * 1000
def slow(x):
    time.sleep(0.0005)
    return (x % 3, 1)
env = StreamExecutionEnvironment.get_execution_environment()
marks = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1)).with_timestamp_assigner(Stamp())
numbers = env.from_collection(list(range(3_000_000))).assign_timestamps_and_watermarks(marks)
numbers.map(slow).name("slow").rebalance().key_by(lambda x: x[0]).sum(1).name("counts").uid("counts").print()
env.execute("clicks <b>by</b> page")
"""
NAME = "clicks <b>by</b> page"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("page"), slots=4) as found:
        found.settings["execution.checkpointing.interval"] = "1 s"
        found.settings["web.refresh-interval"] = "300"
        found.settings["penstock.load-history.interval"] = "1 s"
        found.settings["rest.flamegraph.num-samples"] = "20"
        found.start("jobmanager")
        found.start("taskmanager", "--resource-id", "tm")
        found.wait_for("slots", lambda: found.get("/overview")["slots-available"] == 4)
        yield found


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


@pytest.fixture
def browser(shared_browser: Browser) -> Iterator[Browser]:
    """The browser; a test fails if its page logged an error."""
    shared_browser.open("about:blank")
    shared_browser.errors.clear()
    yield shared_browser
    assert shared_browser.errors == []


def address(running: Cluster, place: str = "") -> str:
    return f"http://127.0.0.1:{running.port}/#/{place}"


@pytest.fixture(scope="module")
def job(running: Cluster, shared_browser: Browser) -> str:
    """Uploaded and started by hand, as a person does."""
    program = running.folder / "clicks.py"
    program.write_text(PROGRAM)
    browser = shared_browser
    browser.open(address(running))
    browser.wait_for_text("No job yet", "slots free of all")
    browser.click("#programs")
    browser.choose_file("#program", program)
    browser.wait_for_text("clicks.py is uploaded.", seconds=60)
    browser.click("button[data-do=run]")
    browser.wait_for_text("Run this program?")
    browser.evaluate("document.querySelector('dialog [name=parallelism]').value = '1'")
    browser.click("dialog button[value=yes]")
    browser.wait_for("location.hash.startsWith('#/jobs/')", seconds=120)
    found = str(browser.evaluate("location.hash.split('/')[2]"))
    running.wait_status("RUNNING", found)
    running.wait_for("a checkpoint", lambda: running.completed(found) >= 2)
    return found


def test_the_graph_is_live(running: Cluster, browser: Browser, job: str) -> None:
    browser.open(address(running, f"jobs/{job}"))
    text = browser.wait_for_text(NAME, "RUNNING", "slow", "counts", "2023-11-")
    assert "HASH" in text
    assert browser.evaluate("document.querySelectorAll('svg.graph rect.box').length") >= 2
    browser.wait_for("/in [1-9][0-9,]*\\/s/.test(document.querySelector('svg.graph').textContent)")
    assert browser.evaluate("document.querySelector('h1 b')") is None, "text of a job is never HTML"


def test_parallelism_over_time_is_drawn(running: Cluster, browser: Browser, job: str) -> None:
    """This source does not say what waits, and the page says so."""
    browser.open(address(running, f"jobs/{job}"))
    browser.wait_for_text("Parallelism and lag", "parallelism: 1 now", "No source says how many records wait")
    assert browser.evaluate("document.querySelectorAll('.course.parallelism svg path').length") >= 2


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("checkpoints", ["completed", "durations, up to", "COMPLETED", "/chk-"]),
        ("state", ["As of checkpoint", "slow"]),
        ("exceptions", ["No exception."]),
        ("configuration", ["execution.checkpointing.interval"]),
    ],
)
def test_tabs_of_a_job(running: Cluster, browser: Browser, job: str, place: str, wanted: list[str]) -> None:
    browser.open(address(running, f"jobs/{job}/{place}"))
    browser.wait_for_text(*wanted)


def test_one_checkpoint_by_vertex(running: Cluster, browser: Browser, job: str) -> None:
    number = running.get(f"/jobs/{job}/checkpoints")["latest"]["completed"]["id"]
    browser.open(address(running, f"jobs/{job}/checkpoints/{number}"))
    browser.wait_for_text(f"Checkpoint {number}", "alignment", "counts")


def test_a_vertex_has_subtasks_metrics_and_flames(running: Cluster, browser: Browser, job: str) -> None:
    busiest = running.get(f"/jobs/{job}")["vertices"][0]["id"]
    browser.open(address(running, f"jobs/{job}/vertex/{busiest}"))
    browser.wait_for_text("Where its time goes", "numRecordsOutPerSecond", "busyTimeMsPerSecond")
    browser.wait_for(
        "[...document.querySelectorAll('.flame > span')].some(s => s.textContent === 'slow')", 60
    )
    browser.click("button[data-flames=on_cpu]")
    browser.wait_for("document.querySelector('button[data-flames=on_cpu]').className === 'primary'")


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("taskmanagers", ["tm", "last heartbeat"]),
        ("taskmanagers/tm", ["memory used", "Slots in use"]),
        ("taskmanagers/tm/logs", ["taskmanager.log", "registered at the JobManager"]),
        ("taskmanagers/tm/threads", ["MainThread"]),
        ("jobmanager", ["REST API of Flink", "2.3.0"]),
        ("jobmanager/configuration", ["state.checkpoints.dir"]),
        ("jobmanager/logs", ["submitted"]),
    ],
)
def test_the_processes(running: Cluster, browser: Browser, job: str, place: str, wanted: list[str]) -> None:
    browser.open(address(running, place))
    browser.wait_for_text(*wanted)


def test_a_phone_in_the_dark(running: Cluster, browser: Browser, job: str) -> None:
    try:
        browser.resize(390, 844, mobile=True)
        browser.prefer("dark")
        for place in (
            "",
            f"jobs/{job}",
            f"jobs/{job}/checkpoints",
            "taskmanagers/tm",
            "jobmanager/configuration",
        ):
            browser.open(address(running, place))
            browser.wait_for("document.querySelector('h1') !== null")
            assert browser.evaluate("document.documentElement.scrollWidth") <= 390, place
        assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 30)"
    finally:
        browser.resize(1280, 900)
        browser.prefer("light")


def test_buttons_ask_first_and_say_what_came_of_it(running: Cluster, browser: Browser, job: str) -> None:
    programs = running.get("/jars")["files"]
    job = running.post(f"/jars/{programs[0]['id']}/run", {"parallelism": 1})["jobid"]
    running.wait_status("RUNNING", job)
    running.wait_for("a checkpoint", lambda: running.completed(job) >= 1)
    browser.open(address(running, f"jobs/{job}"))
    browser.click("button[data-do=savepoint]")
    browser.wait_for_text("Take a savepoint?")
    browser.click("dialog button[value=no]")
    browser.wait_for("document.querySelector('dialog') === null")
    assert running.get(f"/jobs/{job}/checkpoints")["latest"]["savepoint"] is None
    browser.click("button[data-do=savepoint]")
    browser.click("dialog button[value=yes]")
    browser.wait_for_text("Savepoint: file:", seconds=60)
    browser.click("button[data-do=rescale]")
    browser.wait_for_text("Change the job's parallelism?")
    browser.evaluate("document.querySelector('dialog [name=parallelism]').value = '2'")
    browser.click("dialog button[value=yes]")
    browser.wait_for_text("asked to run at parallelism 2")
    running.wait_for("two subtasks", lambda: running.get(f"/jobs/{job}")["vertices"][-1]["parallelism"] == 2)
    running.wait_status("RUNNING", job)
    browser.click("button[data-do=cancel]")
    browser.wait_for_text("Cancel this job without a savepoint?")
    browser.click("dialog button[value=yes]")
    browser.wait_for_text("CANCELED", seconds=60)
    assert browser.evaluate("document.querySelector('button[data-do=cancel]')") is None


def test_cancel_is_hidden_and_a_token_is_asked_for(tmp_path: Path, browser: Browser) -> None:
    program = tmp_path / "clicks.py"
    program.write_text(PROGRAM)
    with cluster(tmp_path) as running:
        running.settings |= {
            "web.cancel.enable": "false",
            "penstock.rest.token": "a word",
            "web.refresh-interval": "300",
        }
        running.start_jobmanager(program)
        (tmp_path / "unused").mkdir()
        running.start("taskmanager", "--resource-id", "tm")
        log = tmp_path / "jobmanager.out"
        running.wait_for("a job", lambda: log.is_file() and "to RUNNING" in log.read_text())
        browser.open(address(running))
        browser.wait_for_text("wants its token", seconds=60)
        browser.evaluate(f"document.querySelector('dialog [name=token]').value = {json.dumps('a word')}")
        browser.click("dialog button[value=yes]")
        browser.wait_for_text(NAME)
        browser.click("main a")
        browser.wait_for_text("Stop with savepoint", "slow")
        assert browser.evaluate("document.querySelector('button[data-do=cancel]')") is None
        browser.open("about:blank")
        browser.errors.clear()  # the calls without the token, which the browser logs
