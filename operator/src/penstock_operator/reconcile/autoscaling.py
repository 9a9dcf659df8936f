"""The autoscaler's part of a turn of the loop: collect a sample if one is due, decide, remember. Called by `loop.py`.

What comes out is a status (`decide/autoscaling.py`), which the loop writes before anything is scaled; the rule `scale`
then carries it out as it does for a spec that its owner changed. Asked again before the next sample is due it answers
the same, so that a turn that failed is repeated and not decided anew.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.autoscale import codec, decision
from penstock_operator.autoscale.evaluators import EvaluatorFailed
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.periods import bounds_at, is_excluded
from penstock_operator.autoscale.signals import Graph, slots_of
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.configuration.values import Values
from penstock_operator.decide.autoscaling import begun_anew, new_nonce, quota_slots, report
from penstock_operator.decide.autoscaling_limits import (
    contested,
    heard_again,
    not_heard,
    says_anything,
    spare_slots,
    tightest,
    with_room,
)
from penstock_operator.decide.autoscaling_memory import adopted, left_of_memory, outgrown, tuned
from penstock_operator.decide.refused_scaling import go_back, refusal, waits_for_pods
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import with_defaults
from penstock_operator.model.plan import Event
from penstock_operator.observe import signals
from penstock_operator.observe.evaluators import evaluator_of, executors_of
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.autoscaling_record import Recorders
from penstock_operator.reconcile.budget import UpgradeBudget
from penstock_operator.reconcile.scale_to_zero import Zero
from penstock_operator.report.metrics_autoscaler import AutoscalerFigures

log = structlog.get_logger(__name__)

KEEP_SECONDS = 60.0
"""How often what was learnt is kept while nothing is decided."""
MISSES = 3
"""Samples in a row that have to fail before it is said: a JobManager that restarts is silent for a while."""
REFUSED_SECONDS = 600.0
"""Time after a refusal of pods in which no more are asked for."""
_TIMEOUT = "job.upgrade.inplace-scaling.timeout"
SAMPLE_SECONDS = 15.0
"""Time between two samples; less where the window is short."""


@dataclass(slots=True)
class _Watched:
    """One job."""

    ref: Ref
    memento: decision.Memento
    due: float = 0.0
    kept: float = 0.0
    running_since: float = 0.0
    silent: int = 0
    """Samples in a row that could not be taken."""
    waits: bool = False
    """Whether it waits for its turn to be scaled."""
    refused: tuple[float, str] = (0.0, "")
    """Until when no more is asked for, because pods were refused, and why."""
    sleeps: bool = False
    """Whether no sample is taken now: the job is down, or being changed."""
    status: AutoscalerStatus | None = None
    events: tuple[Event, ...] = field(default=())
    nonce: int | None = None
    """The `autoscalerResetNonce` that was last obeyed."""
    said: float = 0.0
    """When an Event of a decision was last sent."""

    def is_due(self, now: float, options: AutoscalerOptions) -> bool:
        """Whether a sample is due; also where the clock was set back to long before that."""
        return not 0 < self.due - now <= interval_of(options)


class Autoscaling:
    """The autoscalers of all jobs of one platform. A resource is looked at by one thread at a time."""

    def __init__(
        self,
        platform: Platform,
        now: Callable[[], float] = time.time,
        budget: UpgradeBudget | None = None,
        figures: AutoscalerFigures | None = None,
    ) -> None:
        self._platform, self._now = platform, now
        self._budget = budget or UpgradeBudget()
        self._watched: dict[Ref, _Watched] = {}
        self._zero = Zero(platform, now)
        self._recorders = Recorders(platform, now)
        self._figures = figures or AutoscalerFigures()

    def look(self, resource: FlinkDeployment) -> AutoscalerStatus | None:
        """The autoscaler's status as of now; None while it is off."""
        ref = Ref(resource.metadata.namespace, resource.metadata.name)
        options = self._options(resource)
        mode = options.effective_mode
        if mode is Mode.OFF or resource.spec.job is None or resource.metadata.deletion_timestamp is not None:
            self._forget(ref, resource)
            return left_of_memory(self._zero.switched_off(resource), resource.status)
        watched = self._watched.get(ref)
        if watched is None:
            watched = _Watched(
                ref, codec.decode(self._platform.recall_autoscaler(resource)), said=self._now()
            )
            self._watched[ref] = watched
        held = watched.status or resource.status.autoscaler or AutoscalerStatus(mode=mode.value)
        nonce = new_nonce(resource)
        if nonce is not None and nonce != watched.nonce:
            watched.nonce, watched.memento, held = nonce, decision.Memento(), begun_anew(held)
            self._keep(resource, watched, at_once=True)
        watched.status = held.model_copy(update={"mode": mode.value})
        watched.status, said = contested(watched.status, resource.metadata, mode)
        watched.events = (*watched.events, *said)
        watched.status = adopted(watched.status or held, resource.status, options)
        self._give_back_memory(resource, watched)
        self._go_back(resource, watched)
        watched.waits = watched.waits and _may_sample(resource)
        if watched.is_due(self._now(), options) and _may_sample(resource):
            watched.due = self._now() + interval_of(options)
            self._sample(resource, options, watched)
        watched.sleeps = not _may_sample(resource)
        newest = watched.memento.samples[-1] if watched.memento.samples else None
        watched.status, said = self._zero.look(resource, options, watched.status, newest)
        watched.events = (*watched.events, *said)
        return watched.status

    def events(self, ref: Ref) -> tuple[Event, ...]:
        """What there is to say since this was last asked."""
        watched = self._watched.get(ref)
        if watched is None:
            return ()
        said, watched.events = watched.events, ()
        return said

    def is_waiting(self, ref: Ref) -> bool:
        """Whether the job waits for its turn to be scaled."""
        return ref in self._watched and self._watched[ref].waits

    def gone(self, ref: Ref) -> None:
        """The resource is gone: another of its name is another job."""
        self._recorders.gone(ref)
        self._figures.gone(ref)
        self._watched.pop(ref, None)
        self._zero.forget(ref)

    def wait(self, ref: Ref, seconds: float) -> float:
        """The seconds to the next turn: no later than the next sample."""
        watched = self._watched.get(ref)
        if watched is None or watched.sleeps:  # a due that is past would mean two turns a second
            return self._zero.wait(ref, seconds)
        return self._zero.wait(ref, min(seconds, max(watched.due - self._now(), 0.5)))

    def _options(self, resource: FlinkDeployment) -> AutoscalerOptions:
        spec = with_defaults(resource.spec, self._platform.defaults(resource.metadata.namespace))
        return AutoscalerOptions.from_keys(flatten_configuration(spec.flink_configuration))

    def _forget(self, ref: Ref, resource: FlinkDeployment) -> None:
        held = resource.status.autoscaler
        if self._watched.pop(ref, None) is not None or (held is not None and held.mode != Mode.OFF.value):
            self._platform.keep_autoscaler(resource, None)
            self._recorders.forget(resource)
            self._figures.gone(ref)

    def _sample(self, resource: FlinkDeployment, options: AutoscalerOptions, watched: _Watched) -> None:
        """Take a sample and decide; a JobManager that does not answer now is asked at the next one."""
        url = self._platform.observe(resource).rest_url
        if url is None:
            return
        shares = resource.spec.effective_engine is Engine.PENSTOCK
        try:
            timeout = options.rest_timeout.total_seconds()
            with FlinkRest(url, timeout, within=timeout) as rest:
                found = signals.collect(
                    rest,
                    resource.status.job_status.job_id or "",
                    options.busy_time_aggregator,
                    slots_share_a_thread=shares,
                )
        except (JobManagerSilent, RequestRefused) as error:
            self._miss(watched, options, error.message)
            return
        if found is None or not says_anything(found[1]):
            self._miss(watched, options, "the JobManager knows the job, and no busy time of its vertices")
            return
        graph, sample = found
        sample = self._zero.fill(resource, options, graph, sample)
        self._learn_pause(resource, watched, graph)
        watched.memento = decision.observe(watched.memento, graph, sample, options)
        try:
            made = self._decide(resource, options, watched, graph)
        except EvaluatorFailed as error:
            self._miss(watched, options, str(error))
            return
        watched.silent = 0
        watched.status = heard_again(watched.status)
        watched.memento = made.memento
        now = self._now()
        is_old = not 0 <= now - watched.said < options.event_interval.total_seconds()
        watched.status, said = report(made, options.effective_mode, watched.status, say_again=is_old)
        watched.said = now if said or is_old else watched.said
        if made.evaluation is not None:
            floor = (made.around.bounds or (options.min_parallelism, 0))[0]
            watched.status = tuned(watched.status, made.memento.peak, resource.spec, options, floor)
        watched.events = (*watched.events, *said)
        is_acted_on = made.target is not None and options.effective_mode is Mode.ACTIVE
        if is_acted_on:
            watched.memento = decision.applied(watched.memento, made, options)
        self._keep(resource, watched, at_once=is_acted_on)
        self._recorders.saw(resource, options, (graph, sample), made)
        self._figures.saw(watched.ref, options, (graph, sample), made)

    def _decide(
        self, resource: FlinkDeployment, options: AutoscalerOptions, watched: _Watched, graph: Graph
    ) -> decision.Decision:
        """The decision; one for more is made again with what there is room for, one to be carried out takes its turn."""
        now, ref = self._now(), Ref(resource.metadata.namespace, resource.metadata.name)
        limits = [quota_slots(resource.spec, options)]
        if now < watched.refused[0]:
            limits.append((graph.slots, watched.refused[1]))
        around = decision.Circumstances(
            now,
            tightest(limits),
            bounds=bounds_at(options.schedule, now),
            is_excluded=is_excluded(options.excluded_periods, now),
            in_place=resource.spec.effective_engine is Engine.PENSTOCK,
            custom=evaluator_of(options),
            executors=executors_of(options),
        )
        made = decision.decide(watched.memento, graph, options, around)
        if made.target is not None and slots_of(graph, made.target) > graph.slots:
            spare = self._platform.spare_task_managers(resource)
            watched.status = with_room(watched.status, spare.why, spare.unseen)
            limits.append(spare_slots(resource.spec, graph, spare.task_managers, spare.why))
            around = replace(around, room=tightest(limits))
            made = decision.decide(watched.memento, graph, options, around)
        watched.waits = False
        if made.target is not None and options.effective_mode is Mode.ACTIVE:
            values = Values(self._platform.defaults(ref.namespace))
            watched.waits = self._budget.claim(ref, values.integer("upgrade.max-concurrent") or 0) > 0
        if not watched.waits:
            self._budget.withdraw(ref)
            return made
        return decision.decide(
            watched.memento, graph, options, replace(around, room=replace(around.room, turn=False))
        )

    def _miss(self, watched: _Watched, options: AutoscalerOptions, why: str) -> None:
        """A sample that could not be taken; the job is left as it is, and after some in a row that is said."""
        watched.silent += 1
        watched.due = self._now() + interval_of(options)
        if watched.silent == MISSES and watched.status is not None:
            self._figures.failed(watched.ref)
            watched.status, said = not_heard(watched.status, why)
            watched.events = (*watched.events, said)

    def _give_back_memory(self, resource: FlinkDeployment, watched: _Watched) -> None:
        """To a job whose pods are killed for want of what they were given less of."""
        status = watched.status
        if status is None or status.memory is None or status.memory.applied is None:
            return
        watched.status, said = outgrown(status, self._platform.observe(resource).problem)
        if said:
            watched.events = (*watched.events, *said)
            watched.memento = replace(watched.memento, peak=watched.memento.peak.outgrown())
            self._keep(resource, watched, at_once=True)

    def _go_back(self, resource: FlinkDeployment, watched: _Watched) -> None:
        """To what the job ran with before, where the pods of more do not come."""
        now = self._now()
        status = resource.status.model_copy(update={"autoscaler": watched.status})
        if watched.status is None or not waits_for_pods(status, now):
            return
        limit = Values(self._platform.defaults(resource.metadata.namespace)).duration(_TIMEOUT)
        why = refusal(
            status, self._platform.observe(resource), now, limit.total_seconds() if limit else 180.0
        )
        if why is None:
            return
        watched.status, said = go_back(watched.status, why)
        watched.events = (*watched.events, said)
        watched.refused = (now + REFUSED_SECONDS, why)

    def _learn_pause(self, resource: FlinkDeployment, watched: _Watched, graph: Graph) -> None:
        """A job that runs again after it was scaled shows what a rescale costs."""
        before, watched.running_since = watched.running_since, graph.running_since
        scaled = _seconds(resource.status.autoscaler)
        is_ours = before and before < scaled <= graph.running_since
        if is_ours and graph.last_pause is not None:
            watched.memento = decision.paused(watched.memento, graph.last_pause)

    def _keep(self, resource: FlinkDeployment, watched: _Watched, *, at_once: bool) -> None:
        if at_once or not 0 <= self._now() - watched.kept < KEEP_SECONDS:
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
