"""Loads over time: what arrives, what a record costs, how hot the hottest key is, what a dependency can do."""

import math
from collections.abc import Callable
from dataclasses import dataclass

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The load at one moment."""

    rate: float
    """Records a second."""
    cost: float = 1.0
    """Work of a record, as a multiple of the usual."""
    hottest_key: float = 0.0
    """Share of all records that the busiest slot cannot give away."""
    dependency: float = math.inf
    """Records a second that a dependency lets through."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A load over time, by seconds from its begin."""

    name: str
    hours: float
    at: Callable[[float], Moment]


def _steps(t: float) -> Moment:
    return Moment((1000.0, 4000.0, 1500.0, 8000.0)[int(t // (3 * HOUR)) % 4])


def _daily(t: float) -> Moment:
    return Moment(4500.0 - 3500.0 * math.cos(2 * math.pi * t / (24 * HOUR)))


def _spikes(t: float) -> Moment:
    return Moment(9000.0 if t % (2 * HOUR) < 300.0 and t > HOUR else 2000.0)


def _growth(t: float) -> Moment:
    return Moment(1000.0 + 7000.0 * t / (24 * HOUR))


def _skew(t: float) -> Moment:
    return Moment(3600.0 + 1800.0 * math.sin(2 * math.pi * t / (6 * HOUR)), hottest_key=0.22)


def _dependency(t: float) -> Moment:
    slow = 4 * HOUR < t < 6 * HOUR
    return Moment(3000.0, dependency=2500.0 if slow else math.inf)


TRACES = (
    Trace("steps", 12, _steps),
    Trace("daily wave", 48, _daily),
    Trace("spikes", 12, _spikes),
    Trace("slow growth", 24, _growth),
    Trace("data skew", 12, _skew),
    Trace("slow dependency", 12, _dependency),
)
