"""Two JobManagers and a real ZooKeeper: a standby takes over running work, and a superseded leader commits nothing.

The job writes files exactly once: what is in them at the end is every number once.
"""

import io
import os
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from penstock.ha.contract import LeaderAddress
from penstock.ha.settings import read_ha
from penstock.ha.zookeeper import ZooKeeperHa
from tests.launch.cluster_processes import JOB_ID, Cluster, cluster
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

TOTAL = 60_000
PROGRAM = """
import os
import time
from penstock.common import Encoder
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.file_system import FileSink
env = StreamExecutionEnvironment.get_execution_environment()
def slow(x):
    if not os.path.exists({go!r}):
        time.sleep(0.001)
    return str(x)
sink = FileSink.for_row_format({out!r}, Encoder.simple_string_encoder()).build()
env.from_collection(list(range({total}))).map(slow).sink_to(sink)
env.execute("numbers")
"""


class Pair:
    """JobManagers `a` and `b`, and a TaskManager, of one cluster."""

    def __init__(self, folder: Path, stack: ExitStack, settings: dict[str, str]) -> None:
        self.folder = folder
        self.members: dict[str, Cluster] = {}
        for name in ("a", "b", "t"):
            (folder / name).mkdir()
            member = self.members[name] = stack.enter_context(cluster(folder / name))
            member.settings |= {
                "state.checkpoints.dir": f"file://{folder}/checkpoints",
                "state.savepoints.dir": f"file://{folder}/savepoints",
                "high-availability.storageDir": f"file://{folder}/ha",
                "heartbeat.timeout": "4 s",
                **settings,
            }
        self.program = folder / "program.py"
        self.go = folder / "go"
        self.program.write_text(PROGRAM.format(go=str(self.go), out=f"file://{folder}/out", total=TOTAL))

    def __getitem__(self, name: str) -> Cluster:
        return self.members[name]

    def start(self, name: str) -> None:
        self[name].start_jobmanager(self.program)

    def start_all(self) -> None:
        """`a` leads."""
        self.start("a")
        self["a"].wait_for("leading", lambda: "this JobManager leads" in self["a"].outputs())
        self.start("b")
        self["t"].start("taskmanager", "--resource-id", "tm")
        self["a"].wait_status("RUNNING")

    def pid(self, name: str) -> int:
        return self[name].processes["jobmanager"].pid

    def restored(self, name: str) -> int:
        return int(self[name].get(f"/jobs/{JOB_ID}/checkpoints")["counts"]["restored"])

    def written(self) -> list[int]:
        """What the committed files hold."""
        files = [
            path
            for path in (self.folder / "out").rglob("*")
            if path.is_file() and not path.name.startswith(".")
        ]
        return sorted(int(line) for path in files for line in path.read_text().split() if line)


@pytest.fixture(scope="module")
def zookeeper() -> Iterator[ZooKeeperServer]:
    with ZooKeeperServer() as server:
        yield server


@pytest.fixture
def pair(tmp_path: Path, zookeeper: ZooKeeperServer, request: pytest.FixtureRequest) -> Iterator[Pair]:
    settings = {
        "high-availability.type": "zookeeper",
        "high-availability.zookeeper.quorum": zookeeper.endpoint,
        "high-availability.cluster-id": request.node.name,
        "high-availability.zookeeper.client.session-timeout": "4 s",
    }
    with ExitStack() as stack:
        yield Pair(tmp_path, stack, settings)


def test_killed_leader_is_followed_by_the_standby_with_exact_results(pair: Pair) -> None:
    pair.start_all()
    pair["b"].wait_for("the leader's answer through the standby", lambda: pair["b"].completed() >= 1)
    pair["a"].kill("jobmanager")
    pair["b"].wait_for("taken over", lambda: "is taken over" in pair["b"].outputs())
    pair["b"].wait_for("restored", lambda: pair.restored("b") == 1)
    pair["b"].wait_status("RUNNING")
    pair.go.touch()
    pair["b"].wait_status("FINISHED")
    assert pair.written() == list(range(TOTAL))


def test_leader_that_slept_past_its_session_commits_nothing(pair: Pair) -> None:
    pair.start_all()
    pair["a"].wait_for("a checkpoint", lambda: pair["a"].completed() >= 1)
    os.kill(pair.pid("a"), signal.SIGSTOP)
    try:
        pair["b"].wait_for("taken over", lambda: "is taken over" in pair["b"].outputs())
        pair["b"].wait_for("restored", lambda: pair.restored("b") == 1)
        pair["b"].wait_status("RUNNING")
        before = pair["b"].completed()
        pair["b"].wait_for("checkpoints", lambda: pair["b"].completed() > before)
    finally:
        os.kill(pair.pid("a"), signal.SIGCONT)
    pair["a"].wait_for("standing by again", lambda: "does not lead any more" in pair["a"].outputs())
    pair["a"].wait_for("answers of the new leader", lambda: pair.restored("a") == 1)
    attempts = sorted(path.name for path in (pair.folder / "checkpoints" / JOB_ID).glob("attempt-*"))
    assert attempts == ["attempt-1", "attempt-2"]
    pair.go.touch()
    pair["b"].wait_status("FINISHED")
    assert pair.written() == list(range(TOTAL))


SESSION_PROGRAM = """
import time
from penstock.datastream import StreamExecutionEnvironment
from sizes import SIZE
def slow(x):
    import sizes
    time.sleep(0.01)
    return (x % sizes.SIZE, 1)
env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(list(range(200000))).map(slow).key_by(lambda x: x[0]).sum(1).uid("counts").print()
env.execute("counting")
"""


def upload(member: Cluster, name: str, data: bytes) -> str:
    url = f"http://127.0.0.1:{member.port}/v1/jars/upload"
    answer = httpx.post(url, files={"jarfile": (name, data, "application/zip")}, timeout=60)
    return str(answer.json()["filename"]).rpartition("/")[2]


def test_jobs_of_a_session_go_on_at_the_next_leader_with_their_dependencies(pair: Pair) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("main.py", SESSION_PROGRAM)
        out.writestr("sizes.py", "SIZE = 7\n")
    pair["a"].start("jobmanager")
    pair["a"].wait_for("leading", lambda: "this JobManager leads" in pair["a"].outputs())
    pair["b"].start("jobmanager")
    pair["t"].start("taskmanager", "--resource-id", "tm")
    pair["a"].wait_for("slots", lambda: pair["a"].get("/overview")["slots-available"] == 2)
    program = upload(pair["a"], "project.zip", packed.getvalue())
    first, second = (pair["a"].post(f"/jars/{program}/run", {})["jobid"] for _ in range(2))
    for job in (first, second):
        pair["a"].wait_for("a checkpoint", lambda job=job: pair["a"].completed(job) >= 1)  # type: ignore[misc]
    assert pair["a"].patch(f"/jobs/{second}?mode=cancel") == 202
    # Its end is to be on record when the leader is killed; whether the job is put away by then is the next one's to see.
    ended = pair.folder / "checkpoints" / second / "_result"
    pair["a"].wait_for("the end of the second", ended.exists)
    for name, process in (("a", "jobmanager"), ("t", "taskmanager")):
        pair[name].kill(process)
    pair["t"].start("taskmanager", "--resource-id", "fresh")  # has to fetch what the job needs
    pair["b"].wait_for(
        "restored", lambda: pair["b"].get(f"/jobs/{first}/checkpoints")["counts"]["restored"] == 1
    )
    pair["b"].wait_status("RUNNING", first)
    before = pair["b"].completed(first)
    pair["b"].wait_for("checkpoints", lambda: pair["b"].completed(first) > before)
    assert second not in {job["id"] for job in pair["b"].get("/jobs")["jobs"]}
    assert pair["b"].patch(f"/jobs/{first}?mode=cancel") == 202
    pair["b"].wait_status("CANCELED", first)
    kept = pair.folder / "ha"
    pair["b"].wait_for("nothing is left", lambda: not [p for p in kept.rglob("*") if p.is_file()])


def test_leader_that_ends_is_gone_at_once_and_followed(zookeeper: ZooKeeperServer, tmp_path: Path) -> None:
    settings = read_ha(
        {
            "high-availability.type": "zookeeper",
            "high-availability.storageDir": f"file://{tmp_path}",
            "high-availability.zookeeper.quorum": zookeeper.endpoint,
            "high-availability.cluster-id": "ends",
        }
    )
    assert settings is not None
    first, second = ZooKeeperHa(settings), ZooKeeperHa(settings)
    gained = [threading.Event(), threading.Event()]
    for ha, event, name in zip((first, second), gained, "ab", strict=True):
        ha.campaign(
            LeaderAddress(token=name, internal="unix:/x", rest="http://x"), event.set, lambda why: None
        )
        if ha is first:
            assert event.wait(30)
    began = time.monotonic()
    first.close()
    took = time.monotonic() - began
    assert gained[1].wait(30)
    second.close()
    assert took < 20, "a leader that ends does not wait for the end of its session, which lasts a minute"
