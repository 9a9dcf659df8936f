"""Apache Flink's own web dashboard, its files unchanged, shows a job of ours: every view that it has of it, without an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.dashboard_server import dashboard
from tests.conformance.flink_cluster import running_job
from tests.conformance.flink_distribution import flink_distribution
from tests.launch.cluster_processes import JOB_ID, Cluster
from tests.web.browser import Browser

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

VIEW_SECONDS = 120
"""The dashboard is 16 MB of script, and the machine may be busy."""


class Dashboard:
    """The dashboard in a browser."""

    def __init__(self, browser: Browser, address: str, refused: list[str], running: Cluster) -> None:
        self.browser, self.running, self.refused = browser, running, refused
        self._address = address
        vertices = running.get(f"/jobs/{JOB_ID}")["vertices"]
        self.vertex = next(v["id"] for v in vertices if "counts" in v["name"])

    def shows(self, place: str, *wanted: str) -> None:
        """Go there, read all of it, and see that no call was refused and no script failed."""
        self.browser.errors.clear()
        self.refused.clear()
        self.browser.open(f"{self._address}#/{place}")
        self.browser.wait_for_text(*wanted, seconds=VIEW_SECONDS)
        assert self.refused == []
        assert self.browser.errors == []


@contextmanager
def opened(folder: Path) -> Iterator[Dashboard]:
    """A job that runs, and the dashboard on it."""
    files = flink_distribution().dashboard
    with (
        running_job(folder) as running,
        dashboard(files, running.port) as (address, refused),
        Browser(1600, 1000) as browser,
    ):
        yield Dashboard(browser, address, refused, running)


@pytest.fixture(scope="module")
def flinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """On a job that goes on."""
    with opened(tmp_path_factory.mktemp("dashboard")) as found:
        yield found


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[Dashboard]:
    """On a job that the test ends."""
    with opened(tmp_path) as found:
        yield found


def test_overview_and_lists(flinks: Dashboard) -> None:
    flinks.shows("overview", "Available Task Slots", "Running Application List", "conformance")
    flinks.shows("job/running", "Running Jobs", "conformance", "RUNNING")


def test_the_graph_with_rates_and_colours(flinks: Dashboard) -> None:
    flinks.shows(f"job/running/{JOB_ID}/overview", "Backpressured (max)", "Busy (max)", "HASH", "counts")


@pytest.mark.parametrize(
    ("tab", "wanted"),
    [
        ("detail", "Max Parallelism"),
        ("subtasks", "Attempt"),
        ("taskmanagers", "tm"),
        ("watermarks", "Watermark"),
        ("backpressure", "Back Pressure Status"),
        ("accumulators", "Accumulators"),
        ("flamegraph", "On-CPU"),
    ],
)
def test_a_vertex(flinks: Dashboard, tab: str, wanted: str) -> None:
    flinks.shows(f"job/running/{JOB_ID}/overview/{flinks.vertex}/{tab}", "counts", wanted)


@pytest.mark.parametrize(
    ("tab", "wanted"),
    [
        ("checkpoints", ["Checkpoint Counts", "Latest Completed Checkpoint"]),
        ("exceptions", ["Root Exception"]),
        ("configuration", ["Execution Configuration"]),
        ("timeline", ["Vertex TimeLine"]),
        ("rescales", ["Rescale Counts"]),
    ],
)
def test_tabs_of_a_job(flinks: Dashboard, tab: str, wanted: list[str]) -> None:
    flinks.shows(f"job/running/{JOB_ID}/{tab}", *wanted)


def test_taskmanagers(flinks: Dashboard) -> None:
    flinks.shows("task-manager", "Free Slots", "tm")
    flinks.shows("task-manager/tm/metrics", "Flink Memory Model", "Free/All Slots")
    flinks.shows("task-manager/tm/logs", "penstock.taskmanager.supervisor")
    flinks.shows("task-manager/tm/thread-dump", "MainThread")


def test_the_jobmanager(flinks: Dashboard) -> None:
    flinks.shows("job-manager/config", "state.checkpoints.dir")
    flinks.shows("job-manager/logs", "penstock.jobmanager")


CANCEL = """(() => {
  const buttons = [...document.querySelectorAll('a,button')], named = text => buttons.find(b => b.textContent.trim() === text);
  if (named('Yes')) { named('Yes').click(); return true; }
  // The dashboard draws the button anew as it refreshes, which takes an open question away: ask again every three seconds.
  if (Date.now() - (window.asked ?? 0) > 3000) { window.asked = Date.now(); named('Cancel Job')?.click(); }
  return false;
})()"""


def test_cancelled_by_its_button(ending: Dashboard) -> None:
    ending.shows(f"job/running/{JOB_ID}/overview", "Cancel Job")
    ending.browser.wait_for(CANCEL, VIEW_SECONDS)
    ending.running.wait_status("CANCELED")
