"""Less parallelism is taken only when it was enough for a while (§5.5). Pure; what it remembers is a value.

The first wish for less starts a clock for its vertex. When the time is over, the most that was wished for in it is
taken (`Waiting.settled`). A wish for more, or for what there is, forgets it. What a burst added is taken back sooner, and in one step.
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
    next: int
    """The most that was wished for but for `highest`."""
    wishes: int = 0
    """How often less was wished for since."""
    at_highest: int = 0
    """How often it was `highest`."""

    @property
    def settled(self) -> int:
        """What to take: the most that was wished for, unless that is one more than what most wishes were for.

        A load between two parallelisms wishes for either, by its noise; taking the larger one only puts off the step
        to the smaller one.
        """
        is_noise = self.highest - self.next == 1 and 2 * self.at_highest < self.wishes
        return self.next if is_noise else self.highest

    def again(self, one: VertexAdvice) -> "Waiting":
        """The wait after one more wish."""
        highest, second, often = self.highest, self.next, self.at_highest
        if one.proposed > highest:
            highest, second, often = one.proposed, highest, 1
        elif one.proposed == highest:
            often += 1
        else:
            second = one.proposed if second == highest else max(second, one.proposed)
        return Waiting(self.since, highest, max(self.needed, one.needed), second, self.wishes + 1, often)


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
        wish = waiting.get(vertex_id, Waiting(now, one.proposed, one.needed, one.proposed)).again(one)
        still[vertex_id] = wish
        vertices[vertex_id] = replace(one, proposed=_due(one, wish, now - wish.since, patience, before))
    return Delayed(Advice(vertices), still)


def _due(
    one: VertexAdvice, wish: Waiting, waited: float, patience: Patience, before: Mapping[str, int]
) -> int:
    if waited >= patience.usual:
        return wish.settled
    if one.vertex_id in before and waited >= patience.burst:
        return min(one.current, max(wish.needed, before[one.vertex_id]))
    return one.current
