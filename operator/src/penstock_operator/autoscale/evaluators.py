"""The contract of custom evaluators: code of the installation's own that corrects what a vertex will have to do.

`evaluate` calls one for each vertex, sources first; what it changes of a vertex flows on to the vertices after it. Found
and loaded by `observe/evaluators.py`. An evaluator looks at what it is given and at its parameters; it must be quick and
ask nobody, for decisions are made again to be explained.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from penstock_operator.autoscale.signals import Sample, Vertex

METRICS = ("TARGET_DATA_RATE", "CATCH_UP_DATA_RATE", "TRUE_PROCESSING_RATE")
"""What an evaluator may answer with."""


@dataclass(frozen=True, slots=True)
class EvaluatedVertex:
    """What an evaluator is given."""

    vertex: Vertex
    window: Sequence[Sample]
    """The samples that the decision looks at, oldest first."""
    metrics: Mapping[str, float]
    """By upstream's names: the three of METRICS, and LOAD, LAG, PARALLELISM, MAX_PARALLELISM. Rates are records a second."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """`job.autoscaler.metrics.custom-evaluator.<name>.<parameter>`."""

    @property
    def now(self) -> float:
        """The time of the last sample, seconds since the epoch."""
        return self.window[-1].at


_ENDLESS = "TRUE_PROCESSING_RATE"
"""The only rate that may be infinite: of a vertex that is never busy."""

Evaluator = Callable[[EvaluatedVertex], Mapping[str, float]]
"""Answers with the metrics that it changes, by name; an empty mapping leaves all as they are."""


class EvaluatorFailed(Exception):
    """An evaluator is missing, raised, or answered what cannot be; the sentence says which and why."""


@dataclass(frozen=True, slots=True)
class Custom:
    """An evaluator that was asked for."""

    name: str
    evaluator: Evaluator
    parameters: Mapping[str, str] = field(default_factory=dict)

    def corrected(self, one: EvaluatedVertex) -> Mapping[str, float]:
        """Its answer; raises EvaluatorFailed where that is none."""
        try:
            answer = dict(self.evaluator(replace(one, parameters=self.parameters)))
        except Exception as error:  # it is somebody else's code: whatever it raises is told and ends nothing
            raise EvaluatorFailed(
                f"the custom evaluator {self.name!r} raised {type(error).__name__}: {error}"
            ) from error
        for metric, value in answer.items():
            if metric not in METRICS:
                known = ", ".join(METRICS)
                raise EvaluatorFailed(
                    f"the custom evaluator {self.name!r} answered {metric!r}, which is none of {known}"
                )
            is_endless = metric != _ENDLESS and value == math.inf
            if not isinstance(value, int | float) or math.isnan(value) or value < 0 or is_endless:
                raise EvaluatorFailed(
                    f"the custom evaluator {self.name!r} answered {value!r} for {metric}: a rate is 0 or more"
                )
        return answer
