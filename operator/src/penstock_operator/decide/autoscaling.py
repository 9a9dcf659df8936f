"""What the autoscaler's decision means for a resource: its status, the spec that runs, the Events. Pure.

Called by `reconcile/autoscaling.py` and the planner. The overrides are laid over the spec in memory only: what the
owner wrote is never edited, and a tool that compares it with git finds no difference.
"""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, ScalingHeld, VertexScaling
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_operator.autoscale.decision import Decision
from penstock_operator.autoscale.evaluation import VertexEvaluation
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.decide.autoscaling_limits import slots_of_a_task_manager
from penstock_operator.decide.autoscaling_memory import with_memory
from penstock_operator.decide.scale_to_zero import asleep
from penstock_operator.decide.scaling import OVERRIDES, overrides_of
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.plan import Event
from penstock_operator.model.quantity import parse_memory, parse_quantity


def overlay(spec: FlinkDeploymentSpec, autoscaler: AutoscalerStatus | None) -> FlinkDeploymentSpec:
    """The spec with the autoscaler's parallelism and memory; the spec itself where it has none."""
    spec = with_memory(spec, autoscaler)
    if autoscaler is None or not autoscaler.overrides or spec.job is None:
        return asleep(spec, autoscaler)
    overrides = {**autoscaler.overrides, **_own(spec)}
    widest = max(overrides.values())
    text = ",".join(f"{vertex}:{number}" for vertex, number in sorted(overrides.items()))
    changes: dict[str, object] = {
        "job": spec.job.model_copy(update={"parallelism": widest}),
        "flink_configuration": {**_without_overrides(spec), OVERRIDES: text},
    }
    if spec.task_manager is not None and spec.task_manager.replicas:
        managers = math.ceil(widest / slots_of_a_task_manager(spec))
        changes["task_manager"] = spec.task_manager.model_copy(update={"replicas": managers})
    return asleep(spec.model_copy(update=changes), autoscaler)


def _without_overrides(spec: FlinkDeploymentSpec) -> dict[str, Any]:
    """The configuration without the key in its flat spelling, so that what is added to it comes last and counts."""
    return {key: value for key, value in spec.flink_configuration.items() if key != OVERRIDES}


def _own(spec: FlinkDeploymentSpec) -> dict[str, int]:
    """What the owner says of vertices that the autoscaler is to leave alone."""
    excluded = AutoscalerOptions.from_keys(flatten_configuration(spec.flink_configuration)).excluded_vertices
    return {key: number for key, number in overrides_of(spec).items() if key in excluded} if excluded else {}


def new_nonce(resource: FlinkDeployment) -> int | None:
    """The `autoscalerResetNonce` that the owner has written since the spec was last carried out; None without a new one."""
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    wanted = resource.spec.job.autoscaler_reset_nonce if resource.spec.job is not None else None
    if wanted is None or deployed is None or deployed.job is None:
        return None
    return wanted if wanted != deployed.job.autoscaler_reset_nonce else None


def begun_anew(status: AutoscalerStatus) -> AutoscalerStatus:
    """The status without what was decided of parallelism: the job runs as its spec says.

    The memory that its pods have stays until the next start, and a job at zero sleeps on.
    """
    empty = AutoscalerStatus(mode=status.mode)
    left = {name: getattr(empty, name) for name in ("overrides", "previous_overrides", "scaled_at", "window")}
    return status.model_copy(update={**left, "vertices": [], "held": None, "restart_seconds": None})


def quota_slots(spec: FlinkDeploymentSpec, options: AutoscalerOptions) -> tuple[int | None, str]:
    """Slots that the options' quota leaves to the job, and what says so; None is no limit.

    Whole TaskManagers only: what does not fill one is no slot. Sizes that cannot be read limit nothing (validation
    says so).
    """
    found: list[tuple[int, str]] = []
    try:
        cpu, memory = _size_of_a_task_manager(spec)
        if cpu and options.quota_cpu is not None:
            found.append((int(Decimal(str(options.quota_cpu)) // cpu), f"quota.cpu is {options.quota_cpu:g}"))
        if memory and options.quota_memory is not None:
            most = parse_memory(options.quota_memory) // memory
            found.append((int(most), f"quota.memory is {options.quota_memory}"))
    except (ValueError, ArithmeticError):
        return None, ""
    if not found:
        return None, ""
    managers, why = min(found)
    return managers * slots_of_a_task_manager(spec), f"job.autoscaler.{why}"


def _size_of_a_task_manager(spec: FlinkDeploymentSpec) -> tuple[Decimal | None, Decimal | None]:
    """Cores and bytes of one TaskManager: its limits, else its requests, else what `resource` says; None if unsaid."""
    manager = spec.task_manager
    if manager is None:
        return None, None
    if manager.resources is not None:
        said = {**manager.resources.requests, **manager.resources.limits}
        return (
            parse_quantity(str(said["cpu"])) if "cpu" in said else None,
            parse_memory(str(said["memory"])) if "memory" in said else None,
        )
    resource = manager.resource
    if resource is None:
        return None, None
    return (
        Decimal(str(resource.cpu)) if resource.cpu else None,
        parse_memory(resource.memory) if resource.memory else None,
    )


def report(
    decision: Decision, mode: Mode, before: AutoscalerStatus | None, *, say_again: bool = False
) -> tuple[AutoscalerStatus, tuple[Event, ...]]:
    """The status after a decision, and what to say of it; what was said before only where it is time to `say_again`.

    The figures of the vertices are those of the last change of the recommendation: a status that moved with every
    sample would be a write a sample.
    """
    held = None
    if decision.held is not None:
        held = ScalingHeld(
            guard=decision.held.guard, reason=decision.held.reason.value, message=decision.held.sentence
        )
    old = before or AutoscalerStatus(mode=mode.value)
    target = decision.target
    advised = decision.advice.parallelism if decision.advice is not None else {}
    same = {one.id: one.recommended for one in old.vertices} == advised and _guard(old) == (
        held and held.guard
    )
    status = old.model_copy(update={"mode": mode.value})
    if decision.evaluation is not None and (not same or target is not None):
        vertices = [_vertex(one, advised) for one in decision.evaluation.vertices.values()]
        status = status.model_copy(
            update={
                "window": decision.regime.why,
                "vertices": vertices,
                "held": held,
                "restart_seconds": f"{decision.evaluation.restart_seconds:.1f}",
            }
        )
    if target is None:
        return status, _held_event(decision, same=same and not say_again)
    if mode is Mode.ADVISE:
        return status, () if same and not say_again else (_scaling_event(decision, enabled=False),)
    when = datetime.fromtimestamp(decision.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    evaluated = decision.evaluation.vertices if decision.evaluation is not None else {}
    before_it = {key: one.vertex.parallelism for key, one in sorted(evaluated.items())}
    changes = {
        "overrides": dict(sorted(target.items())),
        "previous_overrides": before_it,
        "scaled_at": when,
    }
    status = status.model_copy(update=changes)
    return status, (_scaling_event(decision, enabled=True),)


def _guard(status: AutoscalerStatus) -> str | None:
    return status.held.guard if status.held is not None else None


def _vertex(one: VertexEvaluation, advised: dict[str, int]) -> VertexScaling:
    vertex = one.vertex
    return VertexScaling(
        id=vertex.id,
        name=vertex.name,
        parallelism=vertex.parallelism,
        recommended=advised.get(vertex.id, vertex.parallelism),
        load=_number(one.load, 3),
        true_rate=_number(one.true_rate),
        target_rate=_number(one.target_rate),
        lag=round(one.lag),
        upper_rate=_number(one.upper_rate),
        lower_rate=_number(one.lower_rate),
    )


def _number(value: float, digits: int = 1) -> str | None:
    if math.isnan(value):
        return None
    return "Infinity" if math.isinf(value) else f"{value:.{digits}f}"


def _held_event(decision: Decision, *, same: bool) -> tuple[Event, ...]:
    if decision.held is None or same:
        return ()
    return (Event(decision.held.reason, decision.held.sentence),)


def _scaling_event(decision: Decision, *, enabled: bool) -> Event:
    """Upstream's words, which scripts look for."""
    head = "Scaling execution enabled, begin scaling vertices:"
    if not enabled:
        head = "Scaling execution disabled by mode advise, recommended scaling:"
    advice = decision.advice.vertices.values() if decision.advice is not None else ()
    evaluations = decision.evaluation.vertices if decision.evaluation is not None else {}
    parts = [
        f"{{ Vertex ID {one.vertex_id} | Parallelism {one.current} -> {one.proposed} | "
        f"Processing capacity {_number(evaluations[one.vertex_id].true_rate)} | "
        f"Target data rate {_number(evaluations[one.vertex_id].target_rate)} }}"
        for one in advice
        if one.proposed != one.current
    ]
    return Event(Reason.SCALING_REPORT, f"{head} {''.join(parts)} ({decision.regime.why})")
