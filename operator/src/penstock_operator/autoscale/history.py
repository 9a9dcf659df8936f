"""What past rescales taught: how the rate grows with the parallelism, and whether the last step brought anything. Pure.

Formulas: facts §5.4 (observed scalability) and §5.5 (ineffective scaling).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from penstock_operator.autoscale.options import AutoscalerOptions


@dataclass(frozen=True, slots=True)
class ScalingRecord:
    """One applied rescale of one vertex."""

    at: float
    vertex_id: str
    before: int
    after: int
    true_rate: float
    """What it could do before."""
    expected_rate: float
    """What it was expected to do after."""


def kept(
    records: Sequence[ScalingRecord], options: AutoscalerOptions, now: float
) -> tuple[ScalingRecord, ...]:
    """The records that are young enough, the newest few of each vertex."""
    oldest = now - options.history_max_age.total_seconds()
    found: list[ScalingRecord] = []
    for record in sorted(records, key=lambda one: one.at, reverse=True):
        mine = sum(one.vertex_id == record.vertex_id for one in found)
        if record.at >= oldest and mine < options.history_max_count:
            found.append(record)
    return tuple(sorted(found, key=lambda one: one.at))


def coefficient(
    records: Sequence[ScalingRecord], vertex_id: str, present: tuple[int, float], options: AutoscalerOptions
) -> float:
    """How much of a linear speed-up the vertex shows: 1 is all of it; 1 as well where too little is known.

    Least squares of rate = c · p · (rate/p at the lowest p) over past and present pairs of parallelism and true
    rate: c = r0·Σ(p·rate) / (r0²·Σp²) = Σ(p·rate) / (r0·Σp²), rounded up to two decimals.
    """
    pairs = [(one.before, one.true_rate) for one in records if one.vertex_id == vertex_id]
    pairs = [(p, rate) for p, rate in [*pairs, present] if math.isfinite(rate) and rate > 0]
    if not options.observed_scalability or len(pairs) < options.observed_scalability_observations:
        return 1.0
    base, base_rate = min(pairs)
    unit = base_rate / base
    found = sum(p * rate for p, rate in pairs) / (unit * sum(p * p for p, _ in pairs))
    return math.ceil(min(max(found, options.observed_scalability_min), 1.0) * 100) / 100


def ineffective_steps(
    records: Sequence[ScalingRecord], vertex_id: str, present: tuple[int, float], options: AutoscalerOptions
) -> int:
    """How many of the vertex's last steps up, in a row, each brought next to nothing; 0 where the last one helped.

    `present` are the parallelism and the true rate now, which the last step is measured by.
    """
    mine = sorted(
        (one for one in records if one.vertex_id == vertex_id), key=lambda one: one.at, reverse=True
    )
    count, (parallelism, rate) = 0, present
    for record in mine:
        expected = record.expected_rate - record.true_rate
        is_known = math.isfinite(rate) and math.isfinite(expected) and expected > 0
        if record.after <= record.before or record.after != parallelism or not is_known:
            break
        if (rate - record.true_rate) / expected >= options.effectiveness_threshold:
            break
        count, parallelism, rate = count + 1, record.before, record.true_rate
    return count


def restart_seconds(pauses: Sequence[float], options: AutoscalerOptions, *, in_place: bool) -> float:
    """Pause to expect of a rescale: the longest one measured, within its limit; the assumed one while none was."""
    tracks = in_place if options.restart_time_tracking is None else options.restart_time_tracking
    if tracks and pauses:
        return min(max(pauses), options.restart_time_limit.total_seconds())
    if options.restart_time is not None:
        return options.restart_time.total_seconds()
    return IN_PLACE_SECONDS if in_place else RESTART_SECONDS


RESTART_SECONDS = 300.0
"""Upstream's default of `restart.time`: a job that is stopped and started anew."""
IN_PLACE_SECONDS = 5.0
"""A job whose processes stay: its tasks end with a checkpoint and begin from it."""
