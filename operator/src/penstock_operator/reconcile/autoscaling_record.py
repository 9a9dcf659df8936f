"""Records what the autoscalers see and decide, for people: `kubectl penstock autoscale`. Called by `autoscaling.py`.

Kept beside the resource when a decision was made or the job's graph changed, else every few minutes. Nothing is ever
decided from it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.autoscale.decision import Decision
from penstock_operator.autoscale.options import PREFIXES, AutoscalerOptions
from penstock_operator.autoscale.recorder import Recorder
from penstock_operator.autoscale.recording import act_of
from penstock_operator.autoscale.signals import Graph, Sample
from penstock_operator.errors import OperatorError
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import with_defaults
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)

KEEP_SECONDS = 300.0
"""How often a recording is kept while nothing is decided."""


@dataclass(slots=True)
class _Kept:
    recorder: Recorder
    at: float = 0.0


class Recorders:
    """The recordings of all jobs of one platform. A resource is looked at by one thread at a time."""

    def __init__(self, platform: Platform, now: Callable[[], float] = time.time) -> None:
        self._platform, self._now = platform, now
        self._kept: dict[Ref, _Kept] = {}

    def saw(
        self,
        resource: FlinkDeployment,
        options: AutoscalerOptions,
        seen: tuple[Graph, Sample],
        made: Decision,
    ) -> None:
        """A sample, and what was decided from it."""
        seconds = options.recording.total_seconds()
        if seconds <= 0:
            return
        ref = _ref(resource)
        kept = self._kept.get(ref)
        if kept is None:
            kept = self._kept[ref] = _Kept(Recorder(self._platform.recall_recording(resource)))
        is_new = kept.recorder.sample(*seen, seconds)
        keys = keys_of(resource, self._platform.defaults(ref.namespace))
        kept.recorder.circumstances(
            keys, made.around.room, made.memento.pauses, in_place=made.around.in_place
        )
        kept.recorder.act(act_of(made, options.effective_mode, kept.recorder.lag))
        if is_new or made.target is not None or self._now() - kept.at >= KEEP_SECONDS:
            self._keep(resource, kept)

    def forget(self, resource: FlinkDeployment) -> None:
        """The autoscaler is off: what was recorded goes."""
        self._kept.pop(_ref(resource), None)
        self._platform.keep_recording(resource, None)

    def gone(self, ref: Ref) -> None:
        """The resource is gone."""
        self._kept.pop(ref, None)

    def _keep(self, resource: FlinkDeployment, kept: _Kept) -> None:
        kept.at = self._now()
        try:
            self._platform.keep_recording(resource, kept.recorder.packed())
        except OperatorError as error:  # a recording never holds a job up; it is kept at another turn
            log.warning("a recording could not be kept", resource=str(_ref(resource)), error=error.message)


def _ref(resource: FlinkDeployment) -> Ref:
    return Ref(resource.metadata.namespace, resource.metadata.name)


def keys_of(resource: FlinkDeployment, defaults: Mapping[str, str]) -> dict[str, str]:
    """The autoscaler's options that are in force, by their names without the prefix."""
    keys = flatten_configuration(with_defaults(resource.spec, defaults).flink_configuration)
    found: dict[str, str] = {}
    for prefix in reversed(PREFIXES):
        found.update({key.removeprefix(prefix): text for key, text in keys.items() if key.startswith(prefix)})
    return found
