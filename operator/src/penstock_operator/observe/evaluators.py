"""Finds the custom evaluator that a resource asks for, among what is installed beside the operator.

Called by `reconcile/autoscaling.py` and by the plugin's replay. Evaluators are entry points of the group
`penstock.autoscaler.evaluators`; upstream's keys name them. Of several names the first counts, as upstream.
"""

from functools import cache
from importlib.metadata import entry_points

from penstock_operator.autoscale.evaluators import Custom, Evaluator, EvaluatorFailed
from penstock_operator.autoscale.options import AutoscalerOptions

GROUP = "penstock.autoscaler.evaluators"


def evaluator_of(options: AutoscalerOptions) -> Custom | None:
    """The evaluator that the options name; None where they name none. Raises EvaluatorFailed where it is not there."""
    if not options.custom_evaluators:
        return None
    name = options.custom_evaluators[0]
    own = f"{name}."
    parameters = {
        key.removeprefix(own): value
        for key, value in options.evaluator_parameters.items()
        if key.startswith(own)
    }
    return Custom(name, _loaded(parameters.pop("class", name)), parameters)


@cache
def _loaded(entry: str) -> Evaluator:
    found = {one.name: one for one in entry_points(group=GROUP)}
    if entry not in found:
        there = ", ".join(sorted(found)) or "none is"
        raise EvaluatorFailed(f"no custom evaluator {entry!r} is installed (entry points {GROUP}: {there})")
    try:
        evaluator = found[entry].load()
    except Exception as error:  # importing somebody else's code can raise anything
        raise EvaluatorFailed(
            f"the custom evaluator {entry!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not callable(evaluator):
        raise EvaluatorFailed(f"the custom evaluator {entry!r} is no function: {evaluator!r}")
    return evaluator  # type: ignore[no-any-return]  # what it answers is checked at each call
