"""The autoscaler's options: upstream's keys with upstream's defaults (facts §5.9), and Penstock's own.

Made by `AutoscalerOptions.from_keys` from a resource's layered configuration. Each key is read as `job.autoscaler.<key>`
and as `kubernetes.operator.job.autoscaler.<key>`; the first wins. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from penstock_operator.autoscale.periods import faults
from penstock_operator.model.duration import parse_duration

_EVALUATOR, _EXECUTOR = "metrics.custom-evaluator.", "scaling.custom-executor."
PREFIXES = ("job.autoscaler.", "kubernetes.operator.job.autoscaler.")


class Mode(StrEnum):
    """What the autoscaler may do."""

    OFF = "off"
    """Nothing is collected."""
    ADVISE = "advise"
    """Decisions are made and shown, never applied."""
    ACTIVE = "active"
    """Decisions are applied."""


class LagFrom(StrEnum):
    """When Kafka itself is asked for the lag of a job that runs."""

    OFF = "off"
    """Never."""
    MISSING = "missing"
    """Where the metrics of a source say nothing of it."""
    ALWAYS = "always"
    """With every sample, so that metrics that are wrong are noticed."""


class BusyTimeAggregator(StrEnum):
    """How the busy time of a vertex's subtasks becomes one figure."""

    MAX = "MAX"
    AVG = "AVG"
    MIN = "MIN"


class Alignment(StrEnum):
    """How a parallelism is fitted to the key groups or partitions behind a vertex."""

    BALANCED = "BALANCED"
    """So that the busiest subtask has fewer groups than it has now, or all have the same."""
    EVENLY_SPREAD = "EVENLY_SPREAD"
    """So that all subtasks have the same number of groups."""
    OFF = "OFF"


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(";") if part.strip())


def _alignment(value: object) -> object:
    return Alignment.BALANCED.value if value in ("MAXIMIZE_UTILISATION", "MAXIMISE_UTILISATION") else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class AutoscalerOptions(BaseModel):
    """How the autoscaler decides for one job."""

    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, populate_by_name=True, extra="ignore"
    )

    enabled: bool = False
    """Upstream's switch; with `scaling.enabled` it says the same as `mode`."""
    mode: Mode | None = None
    """off, advise or active; unset, `enabled` and `scaling.enabled` say it."""
    scaling_enabled: bool = Field(default=True, alias="scaling.enabled")
    """False: decisions are shown and not applied."""

    metrics_window: Duration = Field(default=timedelta(minutes=15), alias="metrics.window")
    """Time over which samples are averaged."""
    stabilization_interval: Duration = Field(default=timedelta(minutes=5), alias="stabilization.interval")
    """Time after a start of the job in which nothing is decided."""
    busy_time_aggregator: BusyTimeAggregator = Field(
        default=BusyTimeAggregator.MAX, alias="metrics.busy-time.aggregator"
    )
    """How the busy time of a vertex's subtasks becomes one figure."""
    custom_evaluators: Names = Field(default=(), alias="metrics.custom-evaluators")
    """Evaluators of the installation's own that correct what a vertex has to do; the first counts."""
    custom_executors: Names = Field(default=(), alias="scaling.custom-executors")
    """Executors of the installation's own that change or refuse a step, asked in this order."""
    rest_timeout: Duration = Field(default=timedelta(seconds=10), alias="flink.rest-client.timeout")
    """Wait for the JobManager's metrics."""

    utilization_target: Share = Field(default=0.7, alias="utilization.target")
    """Share of its time that a subtask shall be busy."""
    utilization_max: Share | None = Field(default=None, alias="utilization.max")
    """Above it a vertex is scaled up; unset, target plus boundary."""
    utilization_min: Share | None = Field(default=None, alias="utilization.min")
    """Below it a vertex is scaled down; unset, target minus boundary."""
    utilization_boundary: Annotated[float, Field(ge=0.0)] = Field(
        default=0.3, alias="target.utilization.boundary"
    )
    """Half the width of the band around the target in which nothing is done."""

    catch_up_duration: Duration = Field(default=timedelta(minutes=30), alias="catch-up.duration")
    """Time in which a backlog shall be gone; 0: backlogs are not counted."""
    restart_time: Duration | None = Field(default=None, alias="restart.time")
    """Assumed pause of a rescale, as long as none was measured; unset 5 min, or 5 s where it is done in place."""
    restart_time_tracking: bool | None = Field(default=None, alias="restart.time-tracking.enabled")
    """Use the measured pause of the job's own rescales; unset, where the bundled runtime rescales in place."""
    restart_time_limit: Duration = Field(default=timedelta(minutes=15), alias="restart.time-tracking.limit")
    """Highest pause that a measurement may claim."""
    backlog_threshold: Duration = Field(
        default=timedelta(minutes=5), alias="backlog-processing.lag-threshold"
    )
    """Lag, in seconds of input, from which on the job counts as catching up."""

    observed_rate_lag_threshold: Duration = Field(
        default=timedelta(seconds=30), alias="observed-true-processing-rate.lag-threshold"
    )
    """Lag, in seconds of input, from which on a source's rate shows what the job can do."""
    observed_rate_min_observations: Annotated[int, Field(ge=1)] = Field(
        default=2, alias="observed-true-processing-rate.min-observations"
    )
    """Samples that it takes."""
    observed_rate_switch: Annotated[float, Field(ge=0.0)] = Field(
        default=0.15, alias="observed-true-processing-rate.switch-threshold"
    )
    """The observed rate counts where the computed one is higher by more than this share."""
    observed_scalability: bool = Field(default=False, alias="observed-scalability.enabled")
    """Divide the scale factor by the coefficient that past rescales show."""
    observed_scalability_min: Annotated[float, Field(ge=0.01, le=1.0)] = Field(
        default=0.5, alias="observed-scalability.coefficient-min"
    )
    """Lowest coefficient."""
    observed_scalability_observations: Annotated[int, Field(ge=2)] = Field(
        default=3, alias="observed-scalability.min-observations"
    )
    """Past rescales that it takes."""

    min_parallelism: Annotated[int, Field(ge=1)] = Field(default=1, alias="vertex.min-parallelism")
    """Lowest parallelism of a vertex."""
    max_parallelism: Annotated[int, Field(ge=1)] = Field(default=200, alias="vertex.max-parallelism")
    """Highest parallelism of a vertex."""
    excluded_vertices: Names = Field(default=(), alias="vertex.exclude.ids")
    """Vertices that are never scaled, by id."""
    max_scale_down: Share = Field(default=0.6, alias="scale-down.max-factor")
    """Largest share that one step takes away."""
    max_scale_up: Annotated[float, Field(ge=0.0)] = Field(default=100_000.0, alias="scale-up.max-factor")
    """Largest share that one step adds."""
    alignment: Annotated[Alignment, BeforeValidator(_alignment)] = Field(
        default=Alignment.BALANCED, alias="scaling.parallelism-alignment.mode"
    )
    """How a parallelism is fitted to key groups or partitions."""

    scale_down_interval: Duration = Field(default=timedelta(hours=1), alias="scale-down.interval")
    """Time for which less must be enough before it is taken."""
    excluded_periods: Names = Field(default=(), alias="excluded.periods")
    """When decisions are not applied."""
    schedule: Names = ()
    """Bounds by time: `<period> => <min>..<max>`, the period as in `excluded.periods`."""
    effectiveness_detection: bool = Field(default=False, alias="scaling.effectiveness.detection.enabled")
    """Do not repeat a step up that brought nothing."""
    effectiveness_threshold: Share = Field(default=0.1, alias="scaling.effectiveness.threshold")
    """Share of the expected gain below which a step brought nothing."""
    gc_pressure_threshold: Share = Field(default=1.0, alias="memory.gc-pressure.threshold")
    """Share of time in garbage collection from which on nothing is decided; 1: never."""
    heap_usage_threshold: Share = Field(default=1.0, alias="memory.heap-usage.threshold")
    """Share of the heap in use from which on nothing is decided; 1: never."""
    memory_tuning: bool = Field(default=False, alias="memory.tuning.enabled")
    """Give TaskManagers the recommended memory, with the next start of the job; else it is only shown."""
    memory_overhead: Annotated[float, Field(ge=0.0)] = Field(default=0.2, alias="memory.tuning.overhead")
    """Head-room over the most that was used, as a share of it."""
    memory_compensation: bool = Field(default=True, alias="memory.tuning.scale-down-compensation.enabled")
    """Count with the fewest TaskManagers that the job may be scaled down to: each then keeps more."""
    memory_maximize_managed: bool = Field(default=False, alias="memory.tuning.maximize-managed-memory")
    """Nothing with the bundled runtime, which has no managed memory apart from its processes'."""
    quota_cpu: Annotated[float, Field(gt=0.0)] | None = Field(default=None, alias="quota.cpu")
    """Cores of all TaskManagers of the job at most."""
    quota_memory: str | None = Field(default=None, alias="quota.memory")
    """Memory of all TaskManagers of the job at most."""

    history_max_count: Annotated[int, Field(ge=1)] = Field(default=3, alias="history.max.count")
    """Past rescales remembered for each vertex."""
    history_max_age: Duration = Field(default=timedelta(days=1), alias="history.max.age")
    """How long they are remembered."""
    event_interval: Duration = Field(default=timedelta(minutes=30), alias="scaling.event.interval")
    """Time before the same Event is sent again."""
    recording: Duration = Field(default=timedelta(hours=6), alias="recording.duration")
    """Time for which samples are kept for `kubectl penstock autoscale replay`; 0: none. Penstock's own."""

    early_scale_up: bool = Field(default=True, alias="early-scale-up.enabled")
    """Scale up before the window is full where a lag grows and the job can do no more. Penstock's own."""
    early_scale_up_samples: Annotated[int, Field(ge=2)] = Field(default=3, alias="early-scale-up.samples")
    """Samples in a row that must show it. Penstock's own."""
    forecast: Duration = Field(default=timedelta(hours=1), alias="forecast.duration")
    """How long a step up shall last under a load that grows steadily. Penstock's own."""
    burst_interval: Duration = Field(default=timedelta(minutes=10), alias="burst.interval")
    """Time after which a step up that a burst forced is taken back, at most to what was before. Penstock's own."""
    confidence: Annotated[float, Field(ge=0.0)] = Field(default=1.64, alias="confidence")
    """Standard errors by which a load must be out of its band: noise causes no rescale. Penstock's own."""
    min_step: Share = Field(default=0.1, alias="min-step")
    """Smallest share of a vertex's parallelism that is worth a step down. Penstock's own."""
    pause_price: Annotated[float, Field(ge=0.0)] = Field(default=1.0, alias="pause.price")
    """What a second of pause costs, in slot seconds for each slot of the job. Penstock's own."""

    zero_enabled: bool = Field(default=False, alias="scale-to-zero.enabled")
    """Stop an idle job that reads from Kafka alone, with a savepoint, and start it when records wait. Penstock's own."""
    zero_idle_timeout: Duration = Field(default=timedelta(minutes=15), alias="scale-to-zero.idle-timeout")
    """How long nothing must have come before it is stopped. Penstock's own."""
    zero_wake_lag: Annotated[int, Field(ge=1)] = Field(default=1, alias="scale-to-zero.wake-lag")
    """Records that must wait in Kafka for it to start again. Penstock's own."""
    zero_stop_timeout: Duration = Field(default=timedelta(minutes=10), alias="scale-to-zero.stop-timeout")
    """How long the stop may take; then the job runs on. Penstock's own."""
    zero_blind_timeout: Duration = Field(default=timedelta(minutes=5), alias="scale-to-zero.blind-timeout")
    """How long Kafka may be unreadable before the stopped job is started all the same. Penstock's own."""
    lag_from_kafka: LagFrom = Field(default=LagFrom.MISSING, alias="kafka-lag.mode")
    """off: lags are the job's metrics alone. missing: Kafka is asked where they say nothing. always: and where they may be wrong. Penstock's own."""
    lag_secrets: Names = Field(default=(), alias="kafka-lag.secrets")
    """Secrets beside the resource with the login of the operator's own client, beside those that the spec names. Penstock's own."""

    _evaluator_parameters: dict[str, str] = PrivateAttr(default_factory=dict)
    _executor_parameters: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def evaluator_parameters(self) -> Mapping[str, str]:
        """What stands in `metrics.custom-evaluator.<name>.<parameter>`, by `<name>.<parameter>`."""
        return self._evaluator_parameters

    @property
    def executor_parameters(self) -> Mapping[str, str]:
        """What stands in `scaling.custom-executor.<name>.<parameter>`, by `<name>.<parameter>`."""
        return self._executor_parameters

    def is_set(self, name: str) -> bool:
        """Whether somebody wrote this option, be it with its default's value."""
        return name in self.model_fields_set

    @property
    def effective_mode(self) -> Mode:
        """What the autoscaler may do."""
        if self.mode is not None:
            return self.mode
        if not self.enabled:
            return Mode.OFF
        return Mode.ACTIVE if self.scaling_enabled else Mode.ADVISE

    @property
    def upper(self) -> float:
        """The load above which a vertex is scaled up."""
        wide = min(self.utilization_target + self.utilization_boundary, 1.0)
        return wide if self.utilization_max is None else self.utilization_max

    @property
    def lower(self) -> float:
        """The load below which a vertex is scaled down."""
        wide = max(self.utilization_target - self.utilization_boundary, 0.0)
        return wide if self.utilization_min is None else self.utilization_min

    @classmethod
    def from_keys(cls, keys: Mapping[str, str]) -> Self:
        """The options; one that cannot be read counts as its default (`problems` says so before)."""
        found = _written(keys)
        try:
            options = cls.model_validate(found)
        except ValidationError as error:
            bad = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
            options = cls.model_validate({key: value for key, value in found.items() if key not in bad})
        options._evaluator_parameters.update(_below(_EVALUATOR, keys))  # noqa: SLF001 - its own, in the making
        options._executor_parameters.update(_below(_EXECUTOR, keys))  # noqa: SLF001
        return options


_FORMER = {
    "utilization.target": "target.utilization",
    "scale-down.interval": "scale-up.grace-period",
    "scaling.parallelism-alignment.mode": "scaling.key-group.partitions.adjust.mode",
}
"""Names that keys had upstream, still read."""


def problems(keys: Mapping[str, str]) -> Iterator[str]:
    """What cannot be read or contradicts itself, as `[key]: why`."""
    try:
        options = AutoscalerOptions.model_validate(_written(keys))
    except ValidationError as error:
        for fault in error.errors():
            yield f"[job.autoscaler.{fault['loc'][0]}]: {fault['msg']}"
        return
    if options.upper < options.utilization_target:
        yield "[job.autoscaler.utilization.max]: is below utilization.target: raise it or lower the target"
    if options.lower > options.utilization_target:
        yield "[job.autoscaler.utilization.min]: is above utilization.target: lower it or raise the target"
    for entry in faults(options.schedule):
        yield f"[job.autoscaler.schedule]: {entry}"
    if options.min_parallelism > options.max_parallelism:
        yield "[job.autoscaler.vertex.min-parallelism]: is above vertex.max-parallelism"


def _below(name: str, keys: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for prefix in reversed([prefix + name for prefix in PREFIXES]):
        found |= {key.removeprefix(prefix): text for key, text in keys.items() if key.startswith(prefix)}
    return found


def _written(keys: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in AutoscalerOptions.model_fields.items():
        key = field.alias or name
        for candidate in (key, _FORMER.get(key, key)):
            text = next((keys[p + candidate] for p in PREFIXES if keys.get(p + candidate, "").strip()), None)
            if text is not None:
                found[key] = text.strip()
                break
    return found
