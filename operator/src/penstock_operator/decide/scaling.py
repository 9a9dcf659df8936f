"""How parallel each vertex shall be for a spec, and whether the job is. Called by the rule `scale` and by `observe/`. Pure.

A vertex that the overrides name gets what they say; one whose parallelism the program set keeps it; all others follow
the job. The real Flink does not tell which are which: there, what is as parallel as the job was is taken to follow it.
"""

from dataclasses import dataclass

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.facts import VertexFacts
from penstock_operator.model.plan import Bounds

OVERRIDES = "pipeline.jobvertex-parallelism-overrides"


@dataclass(frozen=True, slots=True)
class Scale:
    """A parallelism, the TaskManagers that it takes, and the vertices that have one of their own."""

    parallelism: int
    task_managers: int
    overrides: tuple[tuple[str, int], ...] = ()


def overrides_of(spec: FlinkDeploymentSpec) -> dict[str, int]:
    """Vertex id → parallelism, from `vertex:parallelism,...`; entries that say nothing are left out."""
    text = flatten_configuration(spec.flink_configuration).get(OVERRIDES, "")
    pairs = (entry.strip().partition(":") for entry in text.replace(";", ",").split(","))
    return {vertex.strip(): int(number) for vertex, _, number in pairs if number.strip().isdigit()}


def bounds_for(scale: Scale, vertices: tuple[VertexFacts, ...], before: frozenset[int]) -> tuple[Bounds, ...]:
    """What to ask for; `before` is how parallel the job was, as far as is known."""
    named = dict(scale.overrides)

    def upper(vertex: VertexFacts) -> int:
        if vertex.id in named:
            return named[vertex.id]
        is_own = vertex.is_own if vertex.is_own is not None else vertex.upper not in before
        return vertex.upper if is_own else scale.parallelism

    return tuple(Bounds(each.id, min(each.lower, upper(each)), upper(each)) for each in vertices)


def is_asked(bounds: tuple[Bounds, ...], vertices: tuple[VertexFacts, ...]) -> bool:
    """Whether the JobManager holds these bounds already."""
    return {each.vertex: each.upper for each in bounds} == {each.id: each.upper for each in vertices}


def is_reached(bounds: tuple[Bounds, ...], vertices: tuple[VertexFacts, ...]) -> bool:
    """Whether the job runs so."""
    running = {each.id: each.parallelism for each in vertices}
    return is_asked(bounds, vertices) and all(running[each.vertex] == each.upper for each in bounds)


def wants_vertices(resource: FlinkDeployment) -> bool:
    """Whether this turn may need to know how parallel the job is. Asked by `observe/`."""
    if resource.metadata.deletion_timestamp is not None:
        return False
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    if deployed is None:
        return False
    is_held = resource.status.scaling is not None or bool(overrides_of(deployed))
    return is_held or diff_cost(deployed, resource.spec)[0] is Cost.SCALE
