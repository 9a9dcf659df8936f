"""Validation of what processes are given: replicas, CPU, memory and other amounts. Called by `validate.py`. Pure."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.resources import JobManagerSpec, Resource, ResourceRequirements, TaskManagerSpec
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import ha_type
from penstock_operator.model.quantity import parse_memory, parse_quantity

_SIZES = ("memory", "ephemeral-storage")


def check_resources(resource: FlinkDeployment) -> Iterator[Problem]:
    """Replicas and amounts of JobManager and TaskManagers."""
    spec = resource.spec
    if spec.job_manager is not None:
        elects = ha_type(flatten_configuration(spec.flink_configuration)) != "none"
        yield from _replicas(spec.job_manager.replicas, elects=elects)
        yield from _component("spec.jobManager", spec.job_manager)
    if spec.task_manager is not None:
        if spec.task_manager.replicas is not None and spec.task_manager.replicas < 1:
            yield refuse(f"spec.taskManager.replicas is {spec.task_manager.replicas}: set it to 1 or more")
        yield from _component("spec.taskManager", spec.task_manager)


def refuse(message: str) -> Problem:
    """A refused spec."""
    return Problem(Reason.VALIDATION_ERROR, message)


def _replicas(replicas: int, *, elects: bool) -> Iterator[Problem]:
    if replicas < 1:
        yield refuse(f"spec.jobManager.replicas is {replicas}: set it to 1")
    elif replicas > 1 and not elects:
        yield refuse(
            f"spec.jobManager.replicas is {replicas}, and nothing elects one of them: "
            "set high-availability.type in spec.flinkConfiguration, or set it to 1"
        )


def _component(path: str, part: JobManagerSpec | TaskManagerSpec) -> Iterator[Problem]:
    if part.resource is not None:
        yield from _old_style(f"{path}.resource", part.resource)
    if part.resources is not None:
        yield from _new_style(f"{path}.resources", part.resources)


def _old_style(path: str, given: Resource) -> Iterator[Problem]:
    if given.cpu is not None and given.cpu <= 0:
        yield refuse(f"{path}.cpu is {given.cpu:g}: set it to more than 0")
    sizes = (("memory", given.memory), ("ephemeralStorage", given.ephemeral_storage))
    for name, text in sizes:
        if text is not None:
            problem, _ = _amount(f"{path}.{name}", text, parse_memory, must_be_positive=name == "memory")
            yield from problem


def _new_style(path: str, given: ResourceRequirements) -> Iterator[Problem]:
    requests: dict[str, Decimal] = {}
    yield from _amounts(f"{path}.requests", given.requests, requests)
    limits: dict[str, Decimal] = {}
    yield from _amounts(f"{path}.limits", given.limits, limits)
    for name in sorted(requests.keys() & limits.keys()):
        if requests[name] > limits[name]:
            yield refuse(
                f"{path}.requests[{name}] ({given.requests[name]}) is more than {path}.limits[{name}] "
                f"({given.limits[name]}): raise the limit or lower the request"
            )


def _amounts(path: str, given: Mapping[str, str], read: dict[str, Decimal]) -> Iterator[Problem]:
    """Problems of the amounts; those without one are put into `read`."""
    for name, text in given.items():
        parse = parse_memory if name in _SIZES else parse_quantity
        problem, value = _amount(f"{path}[{name}]", text, parse, must_be_positive=name in ("cpu", "memory"))
        yield from problem
        if value is not None:
            read[name] = value


def _amount(
    path: str, text: str, parse: Callable[[str], Decimal], *, must_be_positive: bool
) -> tuple[tuple[Problem, ...], Decimal | None]:
    try:
        value = parse(text)
    except ValueError as error:
        return (refuse(f"{path} {error}"),), None
    if must_be_positive and value <= 0:
        return (refuse(f"{path} is {text!r}: set it to more than 0"),), None
    if value < 0:
        return (refuse(f"{path} is {text!r}: it cannot be negative"),), None
    return (), value
