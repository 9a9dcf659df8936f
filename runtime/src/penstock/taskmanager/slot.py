"""A slot: handles commands, holds the tasks of one attempt, and lets each work in turn. Run by `taskmanager.worker`.

Everything here happens in the mailbox's thread; commands come as mail, in the order in which they were sent.
"""

import gc
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from penstock.control.barrier import Barrier
from penstock.control.messages import (
    AddSplits,
    CancelTasks,
    CheckpointAborted,
    CheckpointCompleted,
    Command,
    DeployTasks,
    Event,
    Failure,
    GroupTime,
    Inspect,
    TaskMetrics,
    TriggerCheckpoint,
    WarmedUp,
    WarmUp,
)
from penstock.exchange.network import Network
from penstock.graph.program_module import install_program
from penstock.taskmanager.dependencies import install_dependencies
from penstock.taskmanager.deployment import Selectors, TaskBuilder, TaskPlan, connect_edges, wire_channels
from penstock.taskmanager.failure import failure_of, restore_failure_of
from penstock.taskmanager.mailbox import Mailbox
from penstock.taskmanager.restored_channels import restore_channels
from penstock.taskmanager.shipped import install_shipped
from penstock.taskmanager.task import Phase, Task, TaskServices
from penstock.taskmanager.warm_up import warm_up

_METRICS_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 0.1
"""A source that forgets to wake the mailbox is asked again after this."""
_PEER_GRACE_MS = 1500
"""A lost peer is usually the consequence of a failure that the JobManager is about to hear of from its own TaskManager;
if it cancels us meanwhile, the true reason is what users see."""


class SlotAttemptMismatch(RuntimeError):
    """A deployment reached a slot that still runs another one."""


class Slot:
    """The tasks of one slot."""

    def __init__(
        self,
        slot_id: str,
        mailbox: Mailbox,
        network: Network,
        uploads: Executor,
        send_event: Callable[[Event], None],
        configuration: Mapping[str, str],
    ) -> None:
        self._slot_id = slot_id
        self._mailbox = mailbox
        self._network = network
        self._uploads = uploads
        self._send_event = send_event
        self._configuration = dict(configuration)
        self._attempt: tuple[str, int] | None = None
        self._tasks: list[Task] = []
        self._next_metrics = 0.0
        self._current: Task | None = None

    @property
    def current_task(self) -> Task | None:
        """The task that has the thread now; read by the stall watch."""
        return self._current

    # -------------------------------------------------------------------------------------------------- rounds

    def work(self) -> bool:
        """Let every task handle one batch; False if none had anything to do."""
        worked = False
        for task in self._tasks:
            self._current = task
            worked = task.step() or worked
        self._current = None
        if self._tasks and time.monotonic() >= self._next_metrics:
            self._report_metrics()
        return worked

    def flush(self) -> bool:
        """Send on what waits in the tasks' buffers."""
        flushed = False
        for task in self._tasks:
            flushed = task.flush() or flushed
        return flushed

    def longest_wait_seconds(self) -> float | None:
        """How long the mailbox may wait when idle."""
        return _LONGEST_WAIT_SECONDS if self._tasks else None

    # ------------------------------------------------------------------------------------------------ commands

    def handle(self, command: Command) -> None:
        """Do what the JobManager says; commands for another attempt are stale and ignored."""
        if isinstance(command, DeployTasks):
            self._deploy(command)
        elif isinstance(command, (AddSplits, GroupTime)):
            self._to_source(command)
        elif isinstance(command, WarmUp):
            warm_up(command, self._configuration)
            self._send_event(WarmedUp(job_id=command.job_id, attempt=command.attempt))
        elif isinstance(command, Inspect) or (command.job_id, command.attempt) != self._attempt:
            return
        elif isinstance(command, TriggerCheckpoint):
            self._trigger(command)
        elif isinstance(command, CheckpointCompleted):
            for task in self._tasks:
                task.guard(lambda task=task: task.complete(command.checkpoint_id))()  # type: ignore[misc]
        elif isinstance(command, CheckpointAborted):
            for task in self._tasks:
                task.guard(lambda task=task: task.abort(command.checkpoint_id))()  # type: ignore[misc]
        elif isinstance(command, CancelTasks):
            self.cancel()

    def cancel(self) -> None:
        """Stop all tasks and forget the attempt."""
        for task in self._tasks:
            task.cancel()
        self._forget()

    @property
    def is_busy(self) -> bool:
        """Some task is not over."""
        return any(task.phase is not Phase.OVER for task in self._tasks)

    def _forget(self) -> None:
        self._network.end()
        self._mailbox.clear_timers()
        self._tasks = []
        self._attempt = None

    def _deploy(self, deployment: DeployTasks) -> None:
        if self.is_busy:
            self._refuse(
                deployment,
                failure_of(SlotAttemptMismatch(f"slot {self._slot_id} still runs attempt {self._attempt}")),
            )
            return
        self._forget()
        self._attempt = (deployment.job_id, deployment.attempt)
        configuration = {**self._configuration, **deployment.configuration}
        services = TaskServices(
            mailbox=self._mailbox,
            uploads=self._uploads,
            send_event=self._send_event,
            configuration=configuration,
            awaits_final_checkpoint=_awaits_final_checkpoint(deployment, configuration),
        )
        self._mailbox.flush_interval_seconds = buffer_timeout_seconds(configuration)
        selectors = Selectors()
        try:
            install_dependencies(deployment.configuration, self._configuration)
            install_shipped(deployment.program_module)
            install_program(deployment.program_module)
            self._network.begin(self._attempt, self._on_peer_lost)
            plans = wire_channels(deployment, self._network, self._slot_id)
            connect_edges(plans, self._network, self._slot_id, selectors)
            restore_channels(plans, selectors, configuration)
        except Exception as error:  # noqa: BLE001 - user code runs while it is loaded
            self._refuse(deployment, failure_of(error))
            self._forget()
            return
        self._tasks = [Task(plan.subtask, plan.name, list(plan.edges.values()), services) for plan in plans]
        self._network.start()
        for plan, task in zip(plans, self._tasks, strict=True):
            self._mailbox.post(lambda plan=plan, task=task: self._open(plan, task, services, selectors))  # type: ignore[misc]

    def _open(self, plan: TaskPlan, task: Task, services: TaskServices, selectors: Selectors) -> None:
        if task.phase is not Phase.CREATED:
            return
        try:
            TaskBuilder(plan, task, services, selectors).build()
        except Exception as error:  # noqa: BLE001 - user code and its state are loaded here
            task.fail(restore_failure_of(error))
            return
        task.open()
        if task is self._tasks[-1]:
            # What is loaded by now lives as long as the job: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(100_000, 50, 100)

    def _refuse(self, deployment: DeployTasks, failure: Failure) -> None:
        for spec in deployment.tasks:
            plan = TaskPlan(deployment, spec)
            services = TaskServices(
                self._mailbox, self._uploads, self._send_event, self._configuration, False
            )
            Task(plan.subtask, plan.name, (), services).fail(failure)

    def _to_source(self, command: AddSplits | GroupTime) -> None:
        for task in self._tasks:
            if task.subtask != command.subtask:
                continue
            if isinstance(command, AddSplits):
                task.add_splits(command.splits, command.no_more)
            else:
                task.tell_group_time(command.group, command.lowest)

    def _trigger(self, command: TriggerCheckpoint) -> None:
        barrier = Barrier(
            checkpoint_id=command.checkpoint_id,
            timestamp=command.timestamp,
            location=command.location,
            is_savepoint=command.is_savepoint,
            stop=command.stop,
            is_native=command.is_native,
            overtakes_at=_overtakes_at(command),
        )
        for task in self._tasks:
            if task.is_source:
                task.guard(lambda task=task: task.trigger(barrier, command.drain))()  # type: ignore[misc]

    def _on_peer_lost(self, why: str) -> None:
        attempt = self._attempt

        def fail(_due: int) -> None:
            if self._attempt == attempt:
                failure = failure_of(ConnectionError(why))
                for task in self._tasks:
                    task.fail(failure)

        self._mailbox.call_at(time.time_ns() // 1_000_000 + _PEER_GRACE_MS, fail)

    def _report_metrics(self) -> None:
        self._next_metrics = time.monotonic() + _METRICS_SECONDS
        for task in self._tasks:
            if task.phase not in (Phase.CREATED, Phase.OVER):
                self._send_event(TaskMetrics(subtask=task.subtask, values=task.collect_metrics()))


def _overtakes_at(command: TriggerCheckpoint) -> int | None:
    """When the checkpoint's barriers may overtake records; None: never."""
    if not command.unaligned or command.is_savepoint or command.stop:
        return None
    return command.timestamp + command.alignment_timeout_ms


def _awaits_final_checkpoint(deployment: DeployTasks, configuration: Mapping[str, str]) -> bool:
    has_two_phase = any(
        operator.is_two_phase for vertex in deployment.vertices for operator in vertex.operators
    )
    return has_two_phase and is_checkpointed(configuration)


def is_checkpointed(configuration: Mapping[str, str]) -> bool:
    """Checkpoints are taken: `execution.checkpointing.interval` is set and not zero."""
    interval = configuration.get("execution.checkpointing.interval", "").strip()
    return any(digit in "123456789" for digit in interval)


_UNITS_MS = {"ms": 1.0, "s": 1000.0, "min": 60_000.0, "m": 60_000.0, "": 1.0}


def buffer_timeout_seconds(configuration: Mapping[str, str]) -> float:
    """`execution.buffer-timeout.interval` (100 ms by default); 0 flushes every round, -1 waits for full batches."""
    text = configuration.get("execution.buffer-timeout.interval", "100 ms").strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    milliseconds = float(number) * _UNITS_MS.get(unit, 1.0)
    return 3600.0 if milliseconds < 0 else milliseconds / 1000
