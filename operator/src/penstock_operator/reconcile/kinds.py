"""Kinds of resources: each registers what reconciles one of its resources; the work queue's items are kind and name.

A kind is `(plural, reconcile)`: `reconcile(ref)` does one turn for the resource (observe, decide, write, act) in a worker
thread, never twice at once for one resource, and answers with the seconds to the next turn; None once it is gone. It
raises nothing but `OperatorError`, which the queue logs and tries again. Called by `handlers/app.py` and the work queue.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from penstock_operator.model.facts import Ref

Reconcile = Callable[[Ref], float | None]

DEPLOYMENT = "FlinkDeployment"
SESSION_JOB = "FlinkSessionJob"
SNAPSHOT = "FlinkStateSnapshot"
BLUE_GREEN = "FlinkBlueGreenDeployment"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which resource of which kind."""

    kind: str
    ref: Ref

    def __str__(self) -> str:
        return str(self.ref) if self.kind == DEPLOYMENT else f"{self.kind} {self.ref}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: where the API server keeps it, and its loop."""

    name: str
    plural: str
    reconcile: Reconcile


class Kinds:
    """Every kind that this process reconciles."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def reconcile(self, key: Key) -> float | None:
        """One turn for the resource; what is not ours is left alone."""
        kind = self._kinds.get(key.kind)
        return None if kind is None else kind.reconcile(key.ref)
