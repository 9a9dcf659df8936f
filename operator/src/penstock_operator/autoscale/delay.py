"""Less parallelism is taken only when it was enough for a while (§5.5). Pure; what it remembers is a value.

The first wish for less starts a clock for its vertex. When the time is over, the most that was wished for in it is
taken. A wish for more, or for what there is, forgets it. What a burst added is taken back sooner, and in one step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock_operator.autoscale.recommend import Advice, VertexAdvice


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wish for less that waits."""

    since: float
    highest: int
    """The most that was wished for since."""
    needed: int
    """The most that would have done since, however far away."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """The advice without what waits, and what waits by vertex."""

    advice: Advice
    waiting: Mapping[str, Waiting]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a wish for less waits, in seconds."""

    usual: float
    burst: float
    """For what a burst added."""


def delay_less(
    advice: Advice, waiting: Mapping[str, Waiting], now: float, patience: Patience, before: Mapping[str, int]
) -> Delayed:
    """Hold back each wish for less until it is due; `before` is what vertices had before a burst forced them up."""
    still: dict[str, Waiting] = {}
    vertices: dict[str, VertexAdvice] = {}
    for vertex_id, one in advice.vertices.items():
        if one.proposed >= one.current:
            vertices[vertex_id] = one
            continue
        wish = waiting.get(vertex_id, Waiting(now, one.proposed, one.needed))
        wish = replace(wish, highest=max(wish.highest, one.proposed), needed=max(wish.needed, one.needed))
        still[vertex_id] = wish
        vertices[vertex_id] = replace(one, proposed=_due(one, wish, now - wish.since, patience, before))
    return Delayed(Advice(vertices), still)


def _due(
    one: VertexAdvice, wish: Waiting, waited: float, patience: Patience, before: Mapping[str, int]
) -> int:
    if waited >= patience.usual:
        return wish.highest
    if one.vertex_id in before and waited >= patience.burst:
        return min(one.current, max(wish.needed, before[one.vertex_id]))
    return one.current
