"""A task that passed a barrier on is FINISHED only when its part of that checkpoint is stored, however long storing takes.

If it ended before, the JobManager would take it for one without a part and complete the checkpoint without its state.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from penstock.control.messages import (
    AddSplits,
    CheckpointAborted,
    CheckpointAcknowledged,
    DeployTasks,
    Event,
    SlotAddress,
    SubtaskDeployment,
    SubtaskId,
    TaskState,
    TaskStateChanged,
    TriggerCheckpoint,
)
from penstock.exchange.network import Network
from penstock.exchange.reactor import Reactor
from penstock.taskmanager.mailbox import Mailbox
from penstock.taskmanager.slot import Slot
from tests.taskmanager.small_job import expected, graph, written

JOB = "b" * 32
COUNT = 1000


class HeldUploads(ThreadPoolExecutor):
    """Upload threads that store nothing until they may."""

    def __init__(self) -> None:
        super().__init__(4)
        self.may_store = threading.Event()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        def store() -> Any:
            assert self.may_store.wait(60)
            return fn(*args, **kwargs)

        return super().submit(store)


class OneSlot:
    """A slot in this process, driven round by round by the test's thread."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self.uploads = HeldUploads()
        self._reactor = Reactor()
        self.mailbox = Mailbox(self._reactor)
        self._network = Network(self._reactor, "s0", None)
        self._network.listen_unix(folder / "s0.sock")
        self._address = SlotAddress(slot_id="s0", host_id="h", unix_path=str(folder / "s0.sock"), tcp=None)
        self.slot = Slot("s0", self.mailbox, self._network, self.uploads, self.events.append, {})

    def deploy(self, output: Path, hold: Path) -> None:
        vertices, edges = graph(output, sums=1, hold=hold)
        self.slot.handle(
            DeployTasks(
                job_id=JOB,
                job_name="test",
                attempt=1,
                vertices=vertices,
                edges=edges,
                tasks=[SubtaskDeployment(vertex_id=vertex.id, index=0, restored=[]) for vertex in vertices],
                slots={"s0": self._address},
                placement={vertex.id: ["s0"] for vertex in vertices},
                configuration={},
            )
        )
        source = SubtaskId(job_id=JOB, attempt=1, vertex_id=vertices[0].id, index=0)
        split = {"id": "p0", "next": 0, "end": COUNT}
        self.slot.handle(AddSplits(subtask=source, splits=[split], no_more=True))

    def trigger(self, checkpoint_id: int, location: Path) -> None:
        self.slot.handle(
            TriggerCheckpoint(
                job_id=JOB, attempt=1, checkpoint_id=checkpoint_id, timestamp=0, location=str(location)
            )
        )

    def run(self, until: Callable[[], bool]) -> None:
        """Rounds of the mailbox until it is so."""
        deadline = time.monotonic() + 50
        while not until():
            assert time.monotonic() < deadline, f"it did not come about; events so far: {self.events}"
            self._round()

    def settle(self) -> None:
        """Rounds until nothing happens any more."""
        for _ in range(50):
            self._round()

    def _round(self) -> None:
        """As `Mailbox.run` does it."""
        self.mailbox._run_mails()
        if not self.slot.work() and not self.slot.flush():
            self._reactor.poll(0.005)

    def states(self, state: TaskState) -> int:
        return sum(isinstance(event, TaskStateChanged) and event.state is state for event in self.events)

    def told(self) -> list[str]:
        """Acknowledgements and ends, in order."""
        return [
            f"{event.subtask.vertex_id[-1]} {'stored' if isinstance(event, CheckpointAcknowledged) else 'ended'}"
            for event in self.events
            if isinstance(event, CheckpointAcknowledged)
            or (isinstance(event, TaskStateChanged) and event.state is TaskState.FINISHED)
        ]

    def close(self) -> None:
        self.uploads.may_store.set()
        self.slot.cancel()
        self.uploads.shutdown()
        self._network.close()
        self._reactor.close()


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[OneSlot]:
    made = OneSlot(tmp_path)
    yield made
    made.close()


def run_to_the_end_of_data(slot: OneSlot, folder: Path) -> Path:
    """A checkpoint is taken, all records are through, and nothing of the checkpoint is stored yet."""
    output = folder / "out"
    output.mkdir()
    slot.deploy(output, folder / "hold")
    slot.run(until=lambda: slot.states(TaskState.RUNNING) == 2)
    slot.trigger(1, folder / "chk-1")
    (folder / "hold").touch()
    slot.run(until=lambda: any(output.iterdir()))
    slot.settle()
    assert written(output) == expected(COUNT)
    assert slot.told() == []
    return output


def test_tasks_are_finished_after_their_parts_of_a_checkpoint_are_stored(
    slot: OneSlot, tmp_path: Path
) -> None:
    run_to_the_end_of_data(slot, tmp_path)
    slot.uploads.may_store.set()
    slot.run(until=lambda: slot.states(TaskState.FINISHED) == 2)
    for vertex in ("1", "3"):
        own = [line for line in slot.told() if line.startswith(vertex)]
        assert own == [f"{vertex} stored", f"{vertex} ended"]


def test_tasks_do_not_wait_for_a_checkpoint_that_was_given_up(slot: OneSlot, tmp_path: Path) -> None:
    run_to_the_end_of_data(slot, tmp_path)
    slot.slot.handle(CheckpointAborted(job_id=JOB, attempt=1, checkpoint_id=1))
    slot.run(until=lambda: slot.states(TaskState.FINISHED) == 2)
    assert sorted(slot.told()) == ["1 ended", "3 ended"]
