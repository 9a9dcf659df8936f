"""The job's machine: events in, effects out. Read this first of the JobManager.

Pure: no clock (time comes with each event), no I/O. Called by `jobmanager.master`, which carries out what `handle`
returns. One module of `jobmanager.states` says what events mean in each phase:

    INITIALIZING ─ initializing ─> CREATED ─ waiting ─ executing ─> RUNNING ─ executing ─> FINISHED
         RESTARTING <─ draining <─ FAILING <── any failure ──────────┘ └─> CANCELLING ─ draining ─> CANCELED
"""

import platform
from collections.abc import Mapping

from penstock.checkpoint.coordinator import Coordinator, JobIdentity
from penstock.checkpoint.pending import SnapshotRequest
from penstock.checkpoint.settings import CheckpointSettings, duration_of
from penstock.control.messages import Failure, TaskState, WarmedUp
from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager import effects, events
from penstock.jobmanager.adaptive import read_adaptive
from penstock.jobmanager.failover import read_strategy
from penstock.jobmanager.job import ENDED, Job, JobOptions
from penstock.jobmanager.requirements import initial_requirements
from penstock.jobmanager.snapshot_effects import SnapshotEffects
from penstock.jobmanager.states import draining, executing, initializing, regional, rescaling, waiting
from penstock.jobmanager.status import JobStatus

PENSTOCK_VERSION = "0.1.0"
_PREPARING = (JobStatus.INITIALIZING, JobStatus.RESTARTING)
_EXECUTING = (JobStatus.CREATED, JobStatus.RUNNING)
_DRAINING = (JobStatus.FAILING, JobStatus.CANCELLING)


class JobMachine:
    """One job from submission to its end. `handle` never raises for an event that comes too late: it is dropped."""

    def __init__(
        self,
        job_id: str,
        graph: JobGraph,
        configuration: Mapping[str, str],
        settings: CheckpointSettings,
        allow_non_restored: bool,
        now: int,
    ) -> None:
        options = JobOptions(
            configuration=dict(configuration),
            allow_non_restored=allow_non_restored,
            adaptive=read_adaptive(configuration),
            has_regions=configuration.get("jobmanager.execution.failover-strategy", "region") != "full",
            cancel_timeout=duration_of(configuration, 10_000, "task.cancellation.timeout"),
        )
        strategy = read_strategy(configuration, settings.is_enabled)
        self.job = Job(job_id, graph, options, strategy, now)
        identity = JobIdentity(job_id, graph.name, platform.python_version(), PENSTOCK_VERSION)
        self.job.coordinator = Coordinator(identity, settings, SnapshotEffects(self.job))
        adaptive = options.adaptive
        self.job.requirements = initial_requirements(graph, adaptive.is_adaptive, adaptive.is_reactive)

    def start(self, now: int) -> list[effects.Effect]:
        """Begin."""
        initializing.enter(self.job, now)
        return self._take()

    def handle(self, event: events.JobEvent, now: int) -> list[effects.Effect]:
        """What to do about `event`."""
        job = self.job
        if isinstance(event, events.Tick):
            self._tick(now)
        elif isinstance(event, events.SlotsFree):
            job.free_slots = event.slots
            if job.status is JobStatus.CREATED:
                waiting.deploy_if_possible(job, now)
            regional.deploy_if_possible(job, now)
            rescaling.consider(job, now)
        elif isinstance(event, events.SlotsGone):
            self._slots_gone(event, now)
        elif isinstance(event, events.SlotsCannotStart):
            failure = waiting.hopeless(job, event.message)
            if failure is not None:
                draining.enter_failing(job, failure, now)
        elif isinstance(event, events.RequirementsChanged):
            rescaling.require(job, event.wanted, now)
            if job.status is JobStatus.CREATED:
                waiting.deploy_if_possible(job, now)
        elif isinstance(event, events.SnapshotWanted):
            request = SnapshotRequest(
                event.request_id,
                event.is_savepoint,
                event.directory,
                event.stop,
                event.drain,
                is_native=event.is_native,
            )
            job.coordinator.request(request, now)
        elif not _is_of_another_attempt(job, event):
            self._by_state(event, now)
        return self._take()

    def next_wake(self) -> int | None:
        """When a Tick is due."""
        job = self.job
        region = job.region.due if job.region is not None and not job.region.is_deployed else None
        waits = (job.deadline, job.stable_at, job.rescale_at, job.release_at, region)
        times = (*waits, job.coordinator.wake_at())
        return min((t for t in times if t is not None), default=None)

    def _by_state(self, event: events.JobEvent, now: int) -> None:
        job = self.job
        if job.status in _PREPARING:
            initializing.handle(job, event, now)
        elif job.status in _DRAINING:
            draining.handle(job, event, now)
        elif job.status in _EXECUTING:
            self._executing(event, now)

    def _executing(self, event: events.JobEvent, now: int) -> None:
        job, coordinator = self.job, self.job.coordinator
        if isinstance(event, events.FromSlot) and isinstance(event.event, WarmedUp):
            rescaling.warmed_up(job, event.slot_id, now)
        elif isinstance(event, events.FromSlot):
            executing.from_slot(job, event, now)
        elif isinstance(event, events.SplitsAssigned):
            executing.splits_assigned(job, event)
        elif isinstance(event, events.EnumeratorsSnapshotted):
            job.handed_out.snapshotted(event.checkpoint_id)
            coordinator.enumerators_snapshotted(event.checkpoint_id, event.states, now)
        elif isinstance(event, events.EnumeratorFailed):
            draining.enter_failing(job, event.failure, now)
        elif isinstance(event, events.MetadataWritten | events.MetadataFailed):
            self._metadata(event, now)
        elif isinstance(event, events.Prepared):
            regional.prepared(job, event, now)
        elif isinstance(event, events.PreparationFailed):
            job.has_lost_term = job.has_lost_term or event.has_lost_term
            draining.enter_failing(job, event.failure, now)
        elif isinstance(event, events.CancelWanted):
            draining.enter_cancelling(job, now)
        if job.status in _EXECUTING:
            self._coordinate(now)

    def _metadata(self, event: events.MetadataWritten | events.MetadataFailed, now: int) -> None:
        job, coordinator = self.job, self.job.coordinator
        if isinstance(event, events.MetadataWritten):
            coordinator.metadata_written(event.checkpoint_id, now)
            rescaling.consider(job, now)
            return
        coordinator.metadata_failed(event.checkpoint_id, event.message, now)
        job.has_lost_term = job.has_lost_term or event.has_lost_term
        if event.is_superseded:
            failure = Failure(exception="Superseded", message=event.message, reason="AttemptSuperseded")
            draining.enter_failing(job, failure, now)

    def _tick(self, now: int) -> None:
        job = self.job
        if job.status in _PREPARING:
            initializing.tick(job, now)
        elif job.status in _DRAINING:
            draining.tick(job, now)
        elif job.status in _EXECUTING:
            if job.status is JobStatus.CREATED:
                failure = waiting.tick(job, now)
            else:
                failure = regional.tick(job, now) or executing.overdue_stop(job, now)
            if failure is not None:
                draining.enter_failing(job, failure, now)
                return
            rescaling.tick(job, now)
            rescaling.release_idle(job, now)
            if job.status in _EXECUTING:
                self._coordinate(now)
            rescaling.consider(job, now)

    def _coordinate(self, now: int) -> None:
        coordinator = self.job.coordinator
        is_tolerable = coordinator.tick(now)
        rescaling.snapshot_failed(self.job, now)
        if not is_tolerable and self.job.status in _EXECUTING:
            latest = coordinator.history.latest_failed
            why = latest.failure if latest and latest.failure else "unknown"
            failure = Failure(
                exception="CheckpointException",
                message=f"Exceeded checkpoint tolerable failure threshold. The latest checkpoint failed due to {why}",
            )
            draining.enter_failing(self.job, failure, now)

    def _slots_gone(self, event: events.SlotsGone, now: int) -> None:
        job = self.job
        job.free_slots = tuple(slot for slot in job.free_slots if slot.slot_id not in event.slot_ids)
        lost = [slot_id for slot_id in event.slot_ids if slot_id in job.slots]
        if not lost:
            return
        if job.status in _EXECUTING:
            running = [e for e in job.executions.values() if e.slot_id in lost and e.state not in ENDED]
            for slot_id in lost:
                job.slots.pop(slot_id)
                rescaling.warmed_up(job, slot_id, now)
            if running:
                for execution in running:
                    execution.move(TaskState.FAILED, now)
                failure = Failure(exception="SlotLost", message=event.message)
                failed = [(execution.vertex_id, execution.index) for execution in running]
                if not regional.try_restart(job, failed, failure, now, lost[0]):
                    draining.enter_failing(job, failure, now, slot=lost[0])
        elif job.status in _DRAINING:
            draining.slots_gone(job, tuple(lost), now)
        else:
            for slot_id in lost:
                job.slots.pop(slot_id)

    def _take(self) -> list[effects.Effect]:
        taken, self.job.effects = self.job.effects, []
        return taken


def _is_of_another_attempt(job: Job, event: events.JobEvent) -> bool:
    if isinstance(event, events.FromSlot):
        subtask = getattr(event.event, "subtask", None)
        if subtask is None:
            return False
        execution = job.executions.get((subtask.vertex_id, subtask.index))
        attempt = job.attempt if execution is None else execution.attempt
        return bool(subtask.attempt != attempt or subtask.job_id != job.id)
    if isinstance(event, events.SplitsAssigned | events.EnumeratorFailed | events.EnumeratorsSnapshotted):
        return event.attempt != job.base_attempt
    return False
