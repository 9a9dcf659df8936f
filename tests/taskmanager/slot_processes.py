"""Real slot processes under a hand-driven JobManager: sends commands, collects events, waits on conditions."""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from penstock.control.messages import (
    AddSplits,
    CancelTasks,
    CheckpointAborted,
    CheckpointAcknowledged,
    CheckpointCompleted,
    Command,
    DeployTasks,
    Event,
    SlotAddress,
    SlotReady,
    SubtaskDeployment,
    SubtaskId,
    TaskState,
    TaskStateChanged,
    TriggerCheckpoint,
)
from penstock.graph.jobgraph import EdgeSpec, VertexSpec
from penstock.taskmanager.options import WorkerOptions
from penstock.taskmanager.pipe import ControlPipe
from penstock_api.manifest import OperatorState

JOB = "a" * 32
ROOT = Path(__file__).parents[2]
Kind = TypeVar("Kind")


class SlotProcess:
    """One slot."""

    def __init__(
        self, slot_id: str, folder: Path, on_event: Callable[[str, Event], None], **options: Any
    ) -> None:
        ours, theirs = socket.socketpair()
        made = WorkerOptions(slot_id=slot_id, directory=str(folder), **options)
        self.slot_id = slot_id
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "penstock.taskmanager.worker",
                str(theirs.fileno()),
                made.model_dump_json(),
            ],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
        )
        theirs.close()
        self.pipe = ControlPipe(ours)
        self._reader = threading.Thread(target=self._read, args=(on_event,))
        self._reader.start()

    def _read(self, on_event: Callable[[str, Event], None]) -> None:
        while (event := self.pipe.receive_event()) is not None:
            on_event(self.slot_id, event)

    def close(self) -> None:
        self.pipe.shut()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(60)
            self.pipe.close()


class Slots:
    """Slots of one deployment."""

    def __init__(self, count: int, *, one_host: bool = True, **options: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="slots-")
        self._changed = threading.Condition()
        self.events: list[tuple[str, Event]] = []
        self.slots = [
            SlotProcess(
                f"s{number}",
                Path(self._folder.name),
                self._on_event,
                host_id="h" if one_host else f"h{number}",
                **options,
            )
            for number in range(count)
        ]
        self.attempt = 0
        self._deployed: list[SubtaskId] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for slot in self.slots:
            slot.close()
        self._folder.cleanup()

    def _on_event(self, slot_id: str, event: Event) -> None:
        with self._changed:
            self.events.append((slot_id, event))
            self._changed.notify_all()

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, (
                    f"waited {seconds} s for {what}; states {self.states()}; failures {self.failures()}"
                )
                self._changed.wait(left)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def states(self) -> dict[tuple[str, int], TaskState]:
        return {
            (event.subtask.vertex_id[-1], event.subtask.index): event.state
            for event in self.of(TaskStateChanged)
            if event.subtask.attempt == self.attempt
        }

    def failures(self) -> list[str]:
        return [
            event.failure.stacktrace or event.failure.message
            for event in self.of(TaskStateChanged)
            if event.failure
        ]

    def send_all(self, command: Command) -> None:
        for slot in self.slots:
            slot.pipe.send_command(command)

    def deploy(
        self,
        vertices: Sequence[VertexSpec],
        edges: Sequence[EdgeSpec],
        *,
        configuration: Mapping[str, str] | None = None,
        restored: Sequence[OperatorState] = (),
        checkpoint: tuple[int, str] | None = None,
        placement: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Subtasks where `placement` says, else round robin over slots."""
        self.attempt += 1
        self.wait("slots", lambda: len(self.of(SlotReady)) == len(self.slots))
        addresses: dict[str, SlotAddress] = {
            event.address.slot_id: event.address for event in self.of(SlotReady)
        }
        names = [slot.slot_id for slot in self.slots]
        placed = {
            vertex.id: list(placement[vertex.id])
            if placement
            else [names[index % len(names)] for index in range(vertex.parallelism)]
            for vertex in vertices
        }
        self._deployed = []
        for slot in self.slots:
            tasks = []
            for vertex in vertices:
                for index, name in enumerate(placed[vertex.id]):
                    if name == slot.slot_id:
                        tasks.append(
                            SubtaskDeployment(vertex_id=vertex.id, index=index, restored=list(restored))
                        )
                        self._deployed.append(
                            SubtaskId(job_id=JOB, attempt=self.attempt, vertex_id=vertex.id, index=index)
                        )
            slot.pipe.send_command(
                DeployTasks(
                    job_id=JOB,
                    job_name="test",
                    attempt=self.attempt,
                    vertices=list(vertices),
                    edges=list(edges),
                    tasks=tasks,
                    slots=addresses,
                    placement=placed,
                    configuration=dict(configuration or {}),
                    restored_checkpoint_id=checkpoint[0] if checkpoint else None,
                    restored_location=checkpoint[1] if checkpoint else None,
                )
            )

    def wait_state(self, state: TaskState, seconds: float = 90) -> None:
        self.wait(
            f"all {state}",
            lambda: (
                len(self.states()) == len(self._deployed)
                and all(found is state for found in self.states().values())
            ),
            seconds,
        )

    def give(self, vertex: VertexSpec, splits: Sequence[Mapping[str, Any]]) -> None:
        """Splits round robin; no more."""
        for index in range(vertex.parallelism):
            mine = [
                dict(split) for number, split in enumerate(splits) if number % vertex.parallelism == index
            ]
            subtask = SubtaskId(job_id=JOB, attempt=self.attempt, vertex_id=vertex.id, index=index)
            self.send_all(AddSplits(subtask=subtask, splits=mine, no_more=True))

    def trigger(
        self,
        checkpoint_id: int,
        location: Path,
        *,
        stop: bool = False,
        drain: bool = False,
        alignment_timeout_ms: int | None = None,
    ) -> None:
        """With an alignment timeout the checkpoint may be unaligned."""
        self.send_all(
            TriggerCheckpoint(
                job_id=JOB,
                attempt=self.attempt,
                checkpoint_id=checkpoint_id,
                timestamp=time.time_ns() // 1_000_000,
                location=str(location),
                stop=stop,
                drain=drain,
                unaligned=alignment_timeout_ms is not None,
                alignment_timeout_ms=alignment_timeout_ms or 0,
            )
        )

    def acknowledged(self, checkpoint_id: int) -> list[CheckpointAcknowledged]:
        return [ack for ack in self.of(CheckpointAcknowledged) if ack.checkpoint_id == checkpoint_id]

    def checkpoint(
        self, checkpoint_id: int, location: Path, *, stop: bool = False, drain: bool = False
    ) -> list[CheckpointAcknowledged]:
        """Trigger and wait until every task has acknowledged."""
        self.trigger(checkpoint_id, location, stop=stop, drain=drain)
        self.wait("acks", lambda: len(self.acknowledged(checkpoint_id)) == len(self._deployed))
        return self.acknowledged(checkpoint_id)

    def complete(self, checkpoint_id: int) -> None:
        self.send_all(CheckpointCompleted(job_id=JOB, attempt=self.attempt, checkpoint_id=checkpoint_id))

    def abort(self, checkpoint_id: int) -> None:
        self.send_all(CheckpointAborted(job_id=JOB, attempt=self.attempt, checkpoint_id=checkpoint_id))

    def cancel(self) -> None:
        self.send_all(CancelTasks(job_id=JOB, attempt=self.attempt))


def states_of(acks: Sequence[CheckpointAcknowledged], vertices: Sequence[VertexSpec]) -> list[OperatorState]:
    """What the JobManager would put into `_metadata`."""
    found = []
    for vertex in vertices:
        for operator in vertex.operators:
            subtasks = [
                ack.states[operator.operator_id] for ack in acks if operator.operator_id in ack.states
            ]
            found.append(
                OperatorState(
                    uid=operator.uid,
                    operator_id=operator.operator_id,
                    name=operator.name,
                    parallelism=vertex.parallelism,
                    max_parallelism=vertex.max_parallelism,
                    subtasks=sorted(subtasks, key=lambda state: state.index),
                )
            )
    return found
