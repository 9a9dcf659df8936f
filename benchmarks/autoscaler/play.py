"""Play a trace to a policy and score it. Used by `__main__` and by the tests."""

from dataclasses import dataclass
from statistics import fmean

from benchmarks.autoscaler.job import Job
from benchmarks.autoscaler.policies import Policy
from benchmarks.autoscaler.traces import Trace

INTERVAL = 15
"""Seconds between two turns of a policy."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a policy did on a trace."""

    trace: str
    policy: str
    lag_seconds: float
    """How old the oldest waiting record was, in seconds of arrivals; the mean over the trace."""
    worst_lag_seconds: float
    slot_hours: float
    rescales: int


def play(trace: Trace, policy: Policy, seed: int) -> Score:
    """The whole trace, second by second."""
    first = trace.at(0.0).rate
    job = Job(seed, parallelism=max(1, round(first / 1000.0 / 0.7 + 0.5)))
    lags: list[float] = []
    for second in range(int(trace.hours * 3600)):
        moment = trace.at(float(second))
        job.second(moment)
        lags.append(job.lag / max(moment.rate, 1.0))
        if second % INTERVAL == 0:
            policy.look(job)
    return Score(trace.name, policy.name, fmean(lags), max(lags), job.slot_seconds / 3600.0, job.rescales)
