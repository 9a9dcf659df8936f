"""The part of the autoscaler that sees Kafka: lags where the metrics have none, and jobs scaled to zero. Called by `autoscaling.py`.

It asks (the JobManager, a checkpoint's metadata, Kafka beside the loop) and remembers what a decision needs; the decisions
are `decide/scale_to_zero.py`. What must survive the operator is in the status that comes out, which the loop writes before
anything is stopped or started for it. A resource is looked at by one thread at a time.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from penstock_api.v1beta1.autoscaler import AutoscalerStatus, Idle
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobState, UpgradeMode
from penstock_api.v1beta1.status import FlinkJobState, LifecycleState
from penstock_operator.autoscale.options import AutoscalerOptions, LagFrom
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.build.references import references
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.clients.objectstore import StorageUnavailable
from penstock_operator.decide.kafka_lags import believed, shown
from penstock_operator.decide.scale_to_zero import (
    FRESH_SECONDS,
    Outcome,
    Sight,
    decide_zero,
    is_at_zero,
    quiet_after,
    switched_off,
)
from penstock_operator.model.facts import Ref
from penstock_operator.model.kafka import KafkaSource, LagAnswer
from penstock_operator.observe.kafka_lag import LagReader, Question
from penstock_operator.observe.kafka_sources import NotOfKafka, sources_of, stored_sources
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""Time between two looks at what waits for a job that is at zero: about how long it sleeps on after a record came."""
DOWN_SECONDS = 60.0
"""Time between two looks at what waits for any other job that is down."""

AT_WORK = 0.5
"""Share of a second from which on a task that reads nothing is not idle: a call that does not return, a sink that is held back."""


@dataclass(slots=True)
class _Job:
    """What is remembered of one job; nothing that could not be learnt again."""

    quiet: Idle | None = None
    is_at_work: bool = False
    asked: float = 0.0
    """When Kafka was last asked, or when that could last not be done."""
    is_at_zero: bool = False
    blind_since: float = 0.0
    problem: LagAnswer | None = None
    """Why Kafka could not even be asked."""
    whose: Mapping[str, str] = field(default_factory=dict)
    """Whose figure of its lag each source has."""
    stored: tuple[tuple[str, ...], tuple[KafkaSource, ...]] | None = None
    """The sources of these checkpoints, which do not change."""


class Zero:
    """The lags and the zeros of all jobs of one platform."""

    def __init__(
        self, platform: Platform, now: Callable[[], float] = time.time, reader: LagReader | None = None
    ) -> None:
        self._platform, self._now = platform, now
        self._reader = reader or LagReader(now=now)
        self._jobs: dict[Ref, _Job] = {}

    def look(
        self,
        resource: FlinkDeployment,
        options: AutoscalerOptions,
        held: AutoscalerStatus,
        sample: Sample | None,
    ) -> Outcome:
        """The status as of now; `sample` is the newest of the job's metrics, None while there is none."""
        ref, job = self._job(resource, held)
        is_running = _is_running(resource)
        if not is_running:
            job.quiet = None
        elif sample is not None and self._now() - sample.at <= FRESH_SECONDS:
            records, waiting = _moved(sample)
            job.quiet = quiet_after(job.quiet, records, waiting, self._now())
            job.is_at_work = any(one.busy + one.backpressured > AT_WORK for one in sample.vertices.values())
        is_down = resource.status.job_status.state is not FlinkJobState.RUNNING
        is_known = is_down and bool(resource.status.job_status.job_ids) and any(_states(resource))
        if is_known and (is_at_zero(held) or options.lag_from_kafka is not LagFrom.OFF):
            self._ask(ref, job, resource, options, LOOK_SECONDS if is_at_zero(held) else DOWN_SECONDS)
        elif is_running and options.zero_enabled and _is_soon(job.quiet, options, self._now()):
            every = min(FRESH_SECONDS / 4, options.zero_idle_timeout.total_seconds() / 4)
            self._ask(ref, job, resource, options, every)
        answer = self._answer(ref, job)
        if not is_down or answer is None or answer.problem is None:
            job.blind_since = 0.0
        elif not job.blind_since:
            job.blind_since = self._now()
        outcome = decide_zero(held, self._sight(resource, job, answer), options)
        status, said = outcome
        job.is_at_zero = is_at_zero(status)
        return shown(status, answer, job.whose, is_down=is_down), said

    def switched_off(self, resource: FlinkDeployment) -> AutoscalerStatus | None:
        """What is left to remember of a job whose autoscaler is off."""
        ref = Ref(resource.metadata.namespace, resource.metadata.name)
        self.forget(ref)
        return switched_off(resource.status.autoscaler, self._sight(resource, _Job(), None))

    def fill(
        self, resource: FlinkDeployment, options: AutoscalerOptions, graph: Graph, sample: Sample
    ) -> Sample:
        """The sample with what Kafka says where a source's metrics say nothing, or what cannot be."""
        ref, job = self._job(resource, resource.status.autoscaler)
        sources = [vertex.id for vertex in graph.vertices if vertex.is_source]
        silent = [one for one in sources if one in sample.vertices and sample.vertices[one].lag is None]
        if options.lag_from_kafka is LagFrom.ALWAYS or (silent and options.lag_from_kafka is LagFrom.MISSING):
            self._ask(ref, job, resource, options, FRESH_SECONDS / 4)
        filled, job.whose = believed(sample, self._answer(ref, job), self._now())
        return filled

    def wait(self, ref: Ref, seconds: float) -> float:
        """The seconds to the next turn: soon where an answer is on its way, and no later than the next look at zero."""
        if self._reader.is_reading(ref):
            return min(seconds, 1.0)
        return min(seconds, LOOK_SECONDS) if ref in self._jobs and self._jobs[ref].is_at_zero else seconds

    def forget(self, ref: Ref) -> None:
        """The job is gone, or nobody wants to know of it."""
        if self._jobs.pop(ref, None) is not None:
            self._reader.forget(ref)

    def _job(self, resource: FlinkDeployment, held: AutoscalerStatus | None) -> tuple[Ref, _Job]:
        ref = Ref(resource.metadata.namespace, resource.metadata.name)
        if ref not in self._jobs:
            self._jobs[ref] = _Job(held.idle if held is not None else None)
        return ref, self._jobs[ref]

    def _sight(self, resource: FlinkDeployment, job: _Job, answer: LagAnswer | None) -> Sight:
        wanted = resource.spec.job
        return Sight(
            now=self._now(),
            generation=resource.metadata.generation or 0,
            wants_running=wanted is not None and wanted.state is JobState.RUNNING,
            is_running=_is_running(resource),
            is_stopped=resource.status.lifecycle_state is LifecycleState.SUSPENDED,
            is_stateless=wanted is not None and wanted.upgrade_mode is UpgradeMode.STATELESS,
            is_at_work=job.is_at_work,
            quiet=job.quiet,
            answer=answer,
            blind_since=job.blind_since,
        )

    def _answer(self, ref: Ref, job: _Job) -> LagAnswer | None:
        read = self._reader.answer(ref)
        newest = [one for one in (read, job.problem) if one is not None]
        return max(newest, key=lambda one: one.at, default=None)

    def _ask(
        self, ref: Ref, job: _Job, resource: FlinkDeployment, options: AutoscalerOptions, every: float
    ) -> None:
        """Have Kafka asked, if that is due; why it cannot be is an answer too."""
        # A clock that was set back must not keep a job at zero down until it has caught up.
        if 0 <= self._now() - job.asked < every or self._reader.is_reading(ref):
            return
        job.asked = self._now()
        self._reader.tidy()
        try:
            sources = self._sources(resource, job, options)
            secrets = tuple(self._secrets(resource, sources, options))
        except (NotOfKafka, StorageUnavailable, JobManagerSilent, RequestRefused) as error:
            job.problem = LagAnswer(self._now(), problem=str(error))
            return
        job.problem = None
        self._reader.ask(ref, Question(sources, secrets))

    def _sources(
        self, resource: FlinkDeployment, job: _Job, options: AutoscalerOptions
    ) -> tuple[KafkaSource, ...]:
        if resource.status.job_status.state is not FlinkJobState.RUNNING:
            return self._stored(resource, job)
        url = self._platform.observe(resource).rest_url
        if url is None:
            raise NotOfKafka("there is no JobManager to ask")
        timeout = options.rest_timeout.total_seconds()
        with FlinkRest(url, timeout) as rest:
            told = rest.sources(resource.status.job_status.job_id or "")
        if told is None:
            raise NotOfKafka("the JobManager does not tell where the sources read")
        sources = sources_of(told)
        if all(source.place.group_id for source in sources):
            return sources
        places = {one.id: one.positions for one in self._stored(resource, job)}
        return tuple(replace(one, positions=places.get(one.id, {})) for one in sources)

    def _stored(self, resource: FlinkDeployment, job: _Job) -> tuple[KafkaSource, ...]:
        paths = tuple(_states(resource))
        if job.stored is None or job.stored[0] != paths:
            job.stored = (paths, stored_sources(paths, self._platform.storage(resource).keys))
        return job.stored[1]

    def _secrets(
        self, resource: FlinkDeployment, sources: tuple[KafkaSource, ...], options: AutoscalerOptions
    ) -> Iterator[dict[str, str]]:
        """Only Secrets that the owner names: a program must not have others sent to brokers of its choice."""
        allowed = {one.name for one in references(resource.spec) if one.kind == "Secret"}
        wanted = [name for source in sources for name in source.place.secrets if name in allowed]
        names = dict.fromkeys([*wanted, *options.lag_secrets])
        if names:
            secret = self._platform.storage(resource).secret
            yield from (dict(secret(name)) for name in names)


def _moved(sample: Sample) -> tuple[int, float]:
    """What was read and written so far, over all vertices, and what waits."""
    vertices = sample.vertices.values()
    records = sum(int(one.records_in) + int(one.records_out) for one in vertices)
    return records, sum(one.lag or 0.0 for one in vertices)


def _is_running(resource: FlinkDeployment) -> bool:
    status = resource.status
    is_busy = status.pending_savepoint is not None or (status.scaling is not None and not status.scaling.done)
    return status.job_status.state is FlinkJobState.RUNNING and not is_busy


def _is_soon(quiet: Idle | None, options: AutoscalerOptions, now: float) -> bool:
    """Whether the job will have been idle for long enough within a minute."""
    if quiet is None:
        return False
    left = options.zero_idle_timeout.total_seconds() - (now - _seconds(quiet.since))
    return left < FRESH_SECONDS / 2


def _states(resource: FlinkDeployment) -> Iterator[str]:
    """Where the job's newest states are, as the status knows them."""
    status = resource.status.job_status
    info = status.savepoint_info
    known = [status.upgrade_savepoint_path, status.last_checkpoint.path if status.last_checkpoint else None]
    known.append(info.last_savepoint.location if info and info.last_savepoint else None)
    yield from dict.fromkeys(path for path in known if path)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
