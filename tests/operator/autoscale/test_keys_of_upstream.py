"""Every key of upstream's autoscaler with its default, as the specification lists them: each is read, and each is as it was."""

from datetime import timedelta
from typing import Any

import pytest

from penstock_operator.autoscale.history import restart_seconds
from penstock_operator.autoscale.options import (
    PREFIXES,
    Alignment,
    AutoscalerOptions,
    BusyTimeAggregator,
    Mode,
)

NOTHING = AutoscalerOptions()
MINUTES = {number: timedelta(minutes=number) for number in (5, 15, 30)}

DEFAULTS: dict[str, tuple[str, Any, str, Any]] = {
    # key: attribute, default, another value as it is written, as it is read
    "backlog-processing.lag-threshold": ("backlog_threshold", MINUTES[5], "1 min", timedelta(minutes=1)),
    "catch-up.duration": ("catch_up_duration", MINUTES[30], "0 s", timedelta()),
    "enabled": ("enabled", False, "true", True),
    "excluded.periods": ("excluded_periods", (), "9:30:00-11:00:00;* * * * * ?", ("9:30:00-11:00:00", "* * * * * ?")),
    "flink.rest-client.timeout": ("rest_timeout", timedelta(seconds=10), "3 s", timedelta(seconds=3)),
    "history.max.age": ("history_max_age", timedelta(days=1), "2 d", timedelta(days=2)),
    "history.max.count": ("history_max_count", 3, "7", 7),
    "memory.gc-pressure.threshold": ("gc_pressure_threshold", 1.0, "0.3", 0.3),
    "memory.heap-usage.threshold": ("heap_usage_threshold", 1.0, "0.9", 0.9),
    "memory.tuning.enabled": ("memory_tuning", False, "true", True),
    "memory.tuning.maximize-managed-memory": ("memory_maximize_managed", False, "true", True),
    "memory.tuning.overhead": ("memory_overhead", 0.2, "0.5", 0.5),
    "memory.tuning.scale-down-compensation.enabled": ("memory_compensation", True, "false", False),
    "metrics.busy-time.aggregator": ("busy_time_aggregator", BusyTimeAggregator.MAX, "AVG", BusyTimeAggregator.AVG),
    "metrics.custom-evaluators": ("custom_evaluators", (), "a;b", ("a", "b")),
    "metrics.window": ("metrics_window", MINUTES[15], "5 min", MINUTES[5]),
    "observed-scalability.coefficient-min": ("observed_scalability_min", 0.5, "0.2", 0.2),
    "observed-scalability.enabled": ("observed_scalability", False, "true", True),
    "observed-scalability.min-observations": ("observed_scalability_observations", 3, "5", 5),
    "observed-true-processing-rate.lag-threshold": (
        "observed_rate_lag_threshold", timedelta(seconds=30), "1 min", timedelta(minutes=1),
    ),
    "observed-true-processing-rate.min-observations": ("observed_rate_min_observations", 2, "4", 4),
    "observed-true-processing-rate.switch-threshold": ("observed_rate_switch", 0.15, "0.5", 0.5),
    "quota.cpu": ("quota_cpu", None, "12.5", 12.5),
    "quota.memory": ("quota_memory", None, "8 gb", "8 gb"),
    "restart.time-tracking.limit": ("restart_time_limit", MINUTES[15], "5 min", MINUTES[5]),
    "scale-down.interval": ("scale_down_interval", timedelta(hours=1), "0 s", timedelta()),
    "scale-down.max-factor": ("max_scale_down", 0.6, "0.3", 0.3),
    "scale-up.max-factor": ("max_scale_up", 100_000.0, "2", 2.0),
    "scaling.custom-executors": ("custom_executors", (), "a;b", ("a", "b")),
    "scaling.effectiveness.detection.enabled": ("effectiveness_detection", False, "true", True),
    "scaling.effectiveness.threshold": ("effectiveness_threshold", 0.1, "0.2", 0.2),
    "scaling.enabled": ("scaling_enabled", True, "false", False),
    "scaling.event.interval": ("event_interval", MINUTES[30], "5 min", MINUTES[5]),
    "scaling.parallelism-alignment.mode": ("alignment", Alignment.BALANCED, "OFF", Alignment.OFF),
    "stabilization.interval": ("stabilization_interval", MINUTES[5], "1 min", timedelta(minutes=1)),
    "utilization.max": ("utilization_max", None, "0.9", 0.9),
    "utilization.min": ("utilization_min", None, "0.5", 0.5),
    "utilization.target": ("utilization_target", 0.7, "0.6", 0.6),
    "vertex.exclude.ids": ("excluded_vertices", (), "a;b", ("a", "b")),
    "vertex.max-parallelism": ("max_parallelism", 200, "16", 16),
    "vertex.min-parallelism": ("min_parallelism", 1, "2", 2),
}  # fmt: skip


@pytest.mark.parametrize("key", DEFAULTS)
def test_key_of_upstream_has_its_default_and_is_read_under_either_prefix(key: str) -> None:
    attribute, default, text, read = DEFAULTS[key]
    assert getattr(NOTHING, attribute) == default
    for prefix in PREFIXES:
        assert getattr(AutoscalerOptions.from_keys({prefix + key: text}), attribute) == read


def test_the_band_is_target_and_boundary_unless_set() -> None:
    assert NOTHING.upper == 1.0
    assert NOTHING.lower == pytest.approx(0.4)
    apart = AutoscalerOptions(utilization_target=0.5, utilization_boundary=0.2)
    assert apart.upper == pytest.approx(0.7)
    assert apart.lower == pytest.approx(0.3)
    assert AutoscalerOptions(utilization_max=0.8, utilization_min=0.6).lower == 0.6


def test_the_restart_is_five_minutes_for_flink_as_upstream_and_measured_where_it_is_in_place() -> None:
    assert restart_seconds((), NOTHING, in_place=False) == 300.0
    assert restart_seconds((40.0,), NOTHING, in_place=False) == 300.0, "tracking is off upstream"
    keys = {"job.autoscaler.restart.time": "1 min", "job.autoscaler.restart.time-tracking.enabled": "true"}
    told = AutoscalerOptions.from_keys(keys)
    assert restart_seconds((), told, in_place=False) == 60.0
    assert restart_seconds((40.0, 2000.0), told, in_place=False) == 900.0


@pytest.mark.parametrize(
    ("former", "text", "attribute", "read"),
    [
        ("target.utilization", "0.6", "utilization_target", 0.6),
        ("target.utilization.boundary", "0.1", "utilization_boundary", 0.1),
        ("scale-up.grace-period", "5 min", "scale_down_interval", MINUTES[5]),
        ("scaling.key-group.partitions.adjust.mode", "EVENLY_SPREAD", "alignment", Alignment.EVENLY_SPREAD),
        ("scaling.key-group.partitions.adjust.mode", "MAXIMIZE_UTILISATION", "alignment", Alignment.BALANCED),
    ],
)
def test_former_keys_of_upstream_are_read(former: str, text: str, attribute: str, read: object) -> None:
    assert getattr(AutoscalerOptions.from_keys({f"job.autoscaler.{former}": text}), attribute) == read


def test_off_until_enabled_and_advice_only_where_scaling_is_off() -> None:
    def mode(**keys: str) -> Mode:
        return AutoscalerOptions.from_keys(
            {f"job.autoscaler.{key.replace('_', '.')}": text for key, text in keys.items()}
        ).effective_mode

    assert mode() is Mode.OFF
    assert mode(enabled="true") is Mode.ACTIVE
    assert mode(enabled="true", scaling_enabled="false") is Mode.ADVISE
