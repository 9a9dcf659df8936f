"""The contract of custom executors: code of the installation's own that changes or refuses a step before it is taken.

`decision` asks each that the options name, in their order, once there is a step to take; what one changes the next one
sees. Found and loaded by `observe/evaluators.py`. An executor looks at what it is given and at its parameters; it must be
quick and ask nobody, for decisions are made again to be explained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from penstock_operator.autoscale.evaluation import Evaluation
from penstock_operator.autoscale.evaluators import EvaluatorFailed
from penstock_operator.autoscale.recommend import Advice


@dataclass(frozen=True, slots=True)
class ProposedScaling:
    """What an executor is given. Vertices are named by their ids."""

    now: float
    """Seconds since the epoch."""
    parallelism: Mapping[str, int]
    """As it is."""
    proposed: Mapping[str, int]
    """As it would become."""
    names: Mapping[str, str]
    """Of the vertices."""
    metrics: Mapping[str, Mapping[str, float]]
    """By vertex, by upstream's names: TARGET_DATA_RATE, CATCH_UP_DATA_RATE, TRUE_PROCESSING_RATE, LOAD, LAG."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """`job.autoscaler.scaling.custom-executor.<name>.<parameter>`."""


Answer = Mapping[str, int] | str | None
"""Another parallelism for some of the vertices, or the sentence that says why not; None or nothing leaves the step as it is."""

Executor = Callable[[ProposedScaling], Answer]


@dataclass(frozen=True, slots=True)
class CustomExecutor:
    """An executor that was asked for."""

    name: str
    executor: Executor
    parameters: Mapping[str, str] = field(default_factory=dict)

    def answer(self, proposed: ProposedScaling) -> Answer:
        """Its answer; raises EvaluatorFailed where that is none."""
        try:
            found = self.executor(replace(proposed, parameters=self.parameters))
        except Exception as error:  # it is somebody else's code: whatever it raises is told and ends nothing
            raise EvaluatorFailed(
                f"the custom executor {self.name!r} raised {type(error).__name__}: {error}"
            ) from error
        if found is None or isinstance(found, str):
            return found or None
        if not isinstance(found, Mapping):
            raise EvaluatorFailed(f"the custom executor {self.name!r} answered {found!r}")
        for vertex, number in found.items():
            if vertex not in proposed.proposed or type(number) is not int or number < 1:
                raise EvaluatorFailed(
                    f"the custom executor {self.name!r} answered {number!r} for the vertex {vertex!r}: "
                    "a parallelism is 1 or more, of a vertex of the job"
                )
        return found


@dataclass(frozen=True, slots=True)
class Executed:
    """The step after the executors."""

    advice: Advice
    veto: str | None = None
    """Who refuses it, and why."""


def execute(
    advice: Advice, evaluation: Evaluation, executors: Sequence[CustomExecutor], now: float
) -> Executed:
    """Ask them in their order, until one refuses; no vertex gets more than its maxParallelism."""
    for one in executors:
        found = one.answer(_proposed(advice, evaluation, now))
        if isinstance(found, str):
            return Executed(advice, f"The custom executor {one.name!r} refuses: {found}")
        if found:
            most = {key: evaluation.vertices[key].vertex.max_parallelism for key in found}
            changed = {
                key: replace(advice.vertices[key], proposed=min(number, most[key]))
                for key, number in found.items()
            }
            advice = Advice({**advice.vertices, **changed})
    return Executed(advice)


def _proposed(advice: Advice, evaluation: Evaluation, now: float) -> ProposedScaling:
    metrics = {
        key: {
            "TARGET_DATA_RATE": one.target_rate,
            "CATCH_UP_DATA_RATE": one.catch_up_rate,
            "TRUE_PROCESSING_RATE": one.true_rate,
            "LOAD": one.load,
            "LAG": one.lag,
        }
        for key, one in evaluation.vertices.items()
    }
    return ProposedScaling(
        now,
        {key: one.current for key, one in advice.vertices.items()},
        advice.parallelism,
        {key: one.vertex.name for key, one in evaluation.vertices.items()},
        metrics,
    )
