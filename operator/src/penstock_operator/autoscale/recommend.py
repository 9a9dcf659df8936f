"""From the evaluation to a parallelism for every vertex. Called by `decision`. Pure. Formulas: facts §5.4."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from penstock_operator.autoscale.alignment import align
from penstock_operator.autoscale.evaluation import Evaluation, VertexEvaluation
from penstock_operator.autoscale.options import AutoscalerOptions


@dataclass(frozen=True, slots=True)
class VertexAdvice:
    """What one vertex should become."""

    vertex_id: str
    current: int
    factor: float
    """How much of its rate it needs: above 1 more, below 1 less. NaN where nothing is known."""
    raw: int
    """Parallelism by the factor, within the bounds."""
    needed: int
    """Parallelism that would do, however far away it is."""
    proposed: int
    """Parallelism fitted to its key groups or partitions."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What the job should become."""

    vertices: Mapping[str, VertexAdvice]

    @property
    def parallelism(self) -> dict[str, int]:
        """By vertex."""
        return {one.vertex_id: one.proposed for one in self.vertices.values()}

    @property
    def changes(self) -> bool:
        """Whether anything would change."""
        return any(one.proposed != one.current for one in self.vertices.values())

    @property
    def grows(self) -> bool:
        """Whether a vertex would get more."""
        return any(one.proposed > one.current for one in self.vertices.values())


def advise(
    evaluation: Evaluation,
    options: AutoscalerOptions,
    coefficients: Mapping[str, float],
    bounds: tuple[int, int],
) -> Advice:
    """A parallelism for each vertex; the present one where nothing is out of bounds.

    `coefficients` are the observed scalability by vertex (1 where unknown); `bounds` are the lowest and the highest
    parallelism now (options or schedule).
    """
    return Advice(
        {
            vertex_id: _advise(
                one, options, coefficients.get(vertex_id, 1.0), _bounds(one, options, bounds, evaluation)
            )
            for vertex_id, one in evaluation.vertices.items()
        }
    )


def _advise(
    one: VertexEvaluation, options: AutoscalerOptions, coefficient: float, bounds: tuple[int, int]
) -> VertexAdvice:
    vertex = one.vertex
    factor = scale_factor(one, options, coefficient)
    if vertex.id in options.excluded_vertices or math.isnan(factor):
        now = vertex.parallelism
        return VertexAdvice(vertex.id, now, factor, now, now, now)
    lowest, highest = bounds
    near = min(max(factor, 1.0 - options.max_scale_down), 1.0 + options.max_scale_up)

    def fitted(factor: float) -> tuple[int, int]:
        raw = min(max(math.ceil(round(factor * vertex.parallelism, 6)), lowest), highest)
        return raw, min(align(vertex, raw, options.alignment, (lowest, highest)), highest)

    (raw, proposed), (_, needed) = fitted(near), fitted(factor)
    if proposed == vertex.parallelism and needed < raw < proposed:
        proposed = raw  # halfway to less: with 3 partitions no step from 3 to 1 could be taken otherwise
    return VertexAdvice(vertex.id, vertex.parallelism, factor, raw, needed, proposed)


def _bounds(
    one: VertexEvaluation, options: AutoscalerOptions, bounds: tuple[int, int], evaluation: Evaluation
) -> tuple[int, int]:
    """Lowest and highest parallelism of the vertex: those of the job, its groups, and what would be idle at once.

    A step up to where the load would be below the band is followed by a step down. Only a real backlog is worth that.
    """
    vertex = one.vertex
    lowest = min(bounds[0], vertex.max_parallelism)
    highest = max(lowest, min(bounds[1], vertex.max_parallelism, vertex.partitions or vertex.max_parallelism))
    each = one.true_rate / vertex.parallelism
    if evaluation.has_backlog or options.lower <= 0 or not 0 < each < math.inf:
        return lowest, highest
    busy_enough = max(math.floor(one.lasting_rate / each / options.lower), math.ceil(one.lasting_rate / each))
    return lowest, max(lowest, min(highest, max(busy_enough, vertex.parallelism)))


_MOST = 1e9
"""A factor beyond any bound, for a wish that is infinite: `utilization.target` is 0."""


def scale_factor(one: VertexEvaluation, options: AutoscalerOptions, coefficient: float = 1.0) -> float:
    """Wanted over true rate, corrected by the observed scalability; NaN if unknown."""
    if math.isnan(one.true_rate) or math.isnan(one.wanted_rate):
        return math.nan
    factor = 0.0 if math.isinf(one.true_rate) else min(one.wanted_rate / max(one.true_rate, 1e-9), _MOST)
    if factor > 1.0:
        factor = factor / coefficient
    return factor
