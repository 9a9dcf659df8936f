"""Finds the custom evaluator and executors that a resource asks for, among what is installed beside the operator.

Called by `reconcile/autoscaling.py` and by the plugin's replay. Evaluators are entry points of the group
`penstock.autoscaler.evaluators`, executors of `penstock.autoscaler.executors`; upstream's keys name them. Of several names
of evaluators the first counts, as upstream; executors are asked one after the other.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from penstock_operator.autoscale.evaluators import Custom, EvaluatorFailed
from penstock_operator.autoscale.executors import CustomExecutor
from penstock_operator.autoscale.options import AutoscalerOptions

GROUP, EXECUTORS = "penstock.autoscaler.evaluators", "penstock.autoscaler.executors"


def evaluator_of(options: AutoscalerOptions) -> Custom | None:
    """The evaluator that the options name; None where they name none. Raises EvaluatorFailed where it is not there."""
    if not options.custom_evaluators:
        return None
    name = options.custom_evaluators[0]
    parameters = _of(name, options.evaluator_parameters)
    return Custom(name, _loaded(parameters.pop("class", name), GROUP, "evaluator"), parameters)


def executors_of(options: AutoscalerOptions) -> tuple[CustomExecutor, ...]:
    """The executors that the options name, in their order. Raises EvaluatorFailed where one is not there."""
    found = []
    for name in options.custom_executors:
        parameters = _of(name, options.executor_parameters)
        function = _loaded(parameters.pop("class", name), EXECUTORS, "executor")
        found.append(CustomExecutor(name, function, parameters))
    return tuple(found)


def _of(name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    own = f"{name}."
    return {key.removeprefix(own): value for key, value in parameters.items() if key.startswith(own)}


@cache
def _loaded(entry: str, group: str, what: str) -> Callable[[Any], Any]:
    found = {one.name: one for one in entry_points(group=group)}
    if entry not in found:
        there = ", ".join(sorted(found)) or "none is"
        raise EvaluatorFailed(f"no custom {what} {entry!r} is installed (entry points {group}: {there})")
    try:
        function = found[entry].load()
    except Exception as error:  # importing somebody else's code can raise anything
        raise EvaluatorFailed(
            f"the custom {what} {entry!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not callable(function):
        raise EvaluatorFailed(f"the custom {what} {entry!r} is no function: {function!r}")
    return function  # type: ignore[no-any-return]  # what it answers is checked at each call
