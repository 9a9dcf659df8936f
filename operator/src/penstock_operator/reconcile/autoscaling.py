"""The autoscaler's part of a turn of the loop: collect a sample if one is due, decide, remember. Called by `loop.py`.

What comes out is a status (`decide/autoscaling.py`), which the loop writes before anything is scaled; the rule `scale`
then carries it out as it does for a spec that its owner changed. Asked again before the next sample is due it answers
the same, so that a turn that failed is repeated and not decided anew.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.autoscale import codec, decision
from penstock_operator.autoscale.guards import Room
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.periods import bounds_at, is_excluded
from penstock_operator.autoscale.signals import Graph
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.decide.autoscaling import quota_slots, report
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import with_defaults
from penstock_operator.model.plan import Event
from penstock_operator.observe import signals
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)

KEEP_SECONDS = 60.0
"""How often what was learnt is kept while nothing is decided."""
SAMPLE_SECONDS = 15.0
"""Time between two samples; less where the window is short."""


@dataclass(slots=True)
class _Watched:
    """One job."""

    memento: decision.Memento
    due: float = 0.0
    kept: float = 0.0
    running_since: float = 0.0
    status: AutoscalerStatus | None = None
    events: tuple[Event, ...] = field(default=())


class Autoscaling:
    """The autoscalers of all jobs of one platform. A resource is looked at by one thread at a time."""

    def __init__(self, platform: Platform, now: Callable[[], float] = time.time) -> None:
        self._platform, self._now = platform, now
        self._watched: dict[Ref, _Watched] = {}

    def look(self, resource: FlinkDeployment) -> AutoscalerStatus | None:
        """The autoscaler's status as of now; None while it is off."""
        ref = Ref(resource.metadata.namespace, resource.metadata.name)
        options = self._options(resource)
        mode = options.effective_mode
        if mode is Mode.OFF or resource.spec.job is None or resource.metadata.deletion_timestamp is not None:
            self._forget(ref, resource)
            return None
        watched = self._watched.get(ref)
        if watched is None:
            watched = _Watched(codec.decode(self._platform.recall_autoscaler(resource)))
            self._watched[ref] = watched
        held = watched.status or resource.status.autoscaler or AutoscalerStatus(mode=mode.value)
        watched.status = held.model_copy(update={"mode": mode.value})
        if self._now() >= watched.due and _may_sample(resource):
            watched.due = self._now() + interval_of(options)
            self._sample(resource, options, watched)
        return watched.status

    def events(self, ref: Ref) -> tuple[Event, ...]:
        """What there is to say since this was last asked."""
        watched = self._watched.get(ref)
        if watched is None:
            return ()
        said, watched.events = watched.events, ()
        return said

    def wait(self, ref: Ref, seconds: float) -> float:
        """The seconds to the next turn: no later than the next sample."""
        watched = self._watched.get(ref)
        return seconds if watched is None else min(seconds, max(watched.due - self._now(), 0.5))

    def _options(self, resource: FlinkDeployment) -> AutoscalerOptions:
        spec = with_defaults(resource.spec, self._platform.defaults(resource.metadata.namespace))
        return AutoscalerOptions.from_keys(flatten_configuration(spec.flink_configuration))

    def _forget(self, ref: Ref, resource: FlinkDeployment) -> None:
        if self._watched.pop(ref, None) is not None or resource.status.autoscaler is not None:
            self._platform.keep_autoscaler(resource, None)

    def _sample(self, resource: FlinkDeployment, options: AutoscalerOptions, watched: _Watched) -> None:
        """Take a sample and decide; a JobManager that does not answer now is asked at the next one."""
        url = self._platform.observe(resource).rest_url
        if url is None:
            return
        shares = resource.spec.effective_engine is Engine.PENSTOCK
        try:
            with FlinkRest(url, options.rest_timeout.total_seconds()) as rest:
                found = signals.collect(
                    rest,
                    resource.status.job_status.job_id or "",
                    options.busy_time_aggregator,
                    slots_share_a_thread=shares,
                )
        except (JobManagerSilent, RequestRefused) as error:
            log.debug("no metrics of the job", resource=resource.metadata.name, error=error.message)
            return
        if found is None:
            return
        graph, sample = found
        self._learn_pause(resource, watched, graph)
        watched.memento = decision.observe(watched.memento, graph, sample, options)
        slots, why = quota_slots(resource.spec, options)
        now = self._now()
        around = decision.Circumstances(
            now,
            Room(slots, why),
            bounds=bounds_at(options.schedule, now),
            is_excluded=is_excluded(options.excluded_periods, now),
            in_place=shares,
        )
        made = decision.decide(watched.memento, graph, options, around)
        watched.memento = made.memento
        watched.status, said = report(made, options.effective_mode, watched.status)
        watched.events = (*watched.events, *said)
        is_acted_on = made.target is not None and options.effective_mode is Mode.ACTIVE
        if is_acted_on:
            watched.memento = decision.applied(watched.memento, made, options)
        self._keep(resource, watched, at_once=is_acted_on)

    def _learn_pause(self, resource: FlinkDeployment, watched: _Watched, graph: Graph) -> None:
        """A job that runs again after it was scaled shows what a rescale costs."""
        before, watched.running_since = watched.running_since, graph.running_since
        scaled = _seconds(resource.status.autoscaler)
        is_ours = before and before < scaled <= graph.running_since
        if is_ours and graph.last_pause is not None:
            watched.memento = decision.paused(watched.memento, graph.last_pause)

    def _keep(self, resource: FlinkDeployment, watched: _Watched, *, at_once: bool) -> None:
        if at_once or self._now() - watched.kept >= KEEP_SECONDS:
            self._platform.keep_autoscaler(resource, codec.encode(watched.memento))
            watched.kept = self._now()


def interval_of(options: AutoscalerOptions) -> float:
    """Seconds between two samples: a window holds six of them at least."""
    return min(SAMPLE_SECONDS, max(1.0, options.metrics_window.total_seconds() / 6))


def _may_sample(resource: FlinkDeployment) -> bool:
    """Whether the job runs and nobody is changing it."""
    status = resource.status
    is_scaling = status.scaling is not None and not status.scaling.done
    return status.job_status.state is FlinkJobState.RUNNING and not is_scaling


def _seconds(status: AutoscalerStatus | None) -> float:
    if status is None or status.scaled_at is None:
        return math.inf
    return datetime.fromisoformat(status.scaled_at).timestamp()
