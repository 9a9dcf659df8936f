"""Fit a parallelism to the groups behind a vertex: partitions of a source, key groups after a hash (§5.4). Pure.

With 12 partitions, 7 subtasks are no faster than 6: some read two partitions either way.
"""

from collections.abc import Sequence

from penstock_operator.autoscale.options import Alignment
from penstock_operator.autoscale.signals import ShipStrategy, Vertex


def align(vertex: Vertex, raw: int, mode: Alignment, bounds: tuple[int, int]) -> int:
    """The parallelism nearest above `raw` that spreads the vertex's groups; `raw` where none does or none matters.

    Going up the search ends at the number of groups and the upper bound, going down at the present parallelism.
    """
    groups = _groups(vertex)
    if groups is None or mode is Alignment.OFF or raw == vertex.parallelism:
        return raw
    last = min(groups, bounds[1]) if raw > vertex.parallelism else vertex.parallelism
    return next((one for one in _search(raw, last) if _fits(groups, one, raw, mode)), raw)


def _groups(vertex: Vertex) -> int | None:
    if vertex.partitions is not None:
        return vertex.partitions
    is_keyed = any(one.strategy is ShipStrategy.HASH for one in vertex.inputs)
    return vertex.max_parallelism if is_keyed else None


def _search(raw: int, last: int) -> Sequence[int]:
    return range(raw, last + 1)


def _fits(groups: int, candidate: int, raw: int, mode: Alignment) -> bool:
    if groups % candidate == 0:
        return True
    return mode is Alignment.BALANCED and groups // candidate < groups // raw
