"""How many jobs may be upgraded or scaled at a time, and whose turn it is. Asked by the loop before a change is begun.

One leader reconciles everything, so this is kept in memory; what is under way when a leader starts is read from the
statuses. Safe from several threads. Never holds up what must not wait: suspensions, deletions, jobs that do not run.
"""

import threading
from collections.abc import Callable, Iterable

from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, LifecycleState
from penstock_operator.model.facts import Ref

_UNDER_WAY = (LifecycleState.UPGRADING, LifecycleState.ROLLING_BACK)
_STARTING = (FlinkJobState.RECONCILING, FlinkJobState.INITIALIZING, FlinkJobState.CREATED)


def is_under_way(status: FlinkDeploymentStatus) -> bool:
    """Whether a change is being carried out: until the job runs again, or is known to be in trouble."""
    is_scaling = status.scaling is not None and status.scaling.done is False
    if is_scaling or status.lifecycle_state in _UNDER_WAY:
        return True
    is_starting = status.job_status.state in _STARTING and status.error is None
    return status.lifecycle_state is LifecycleState.DEPLOYED and is_starting


class UpgradeBudget:
    """Who is being upgraded, and who waits, in the order in which they asked."""

    def __init__(self, under_way: Callable[[], Iterable[Ref]] = tuple) -> None:
        """`under_way` names the resources whose change was begun by an earlier leader; asked once, if there is a limit."""
        self._lock = threading.Lock()
        self._under_way = under_way
        self._is_seeded = False
        self._holding: set[Ref] = set()
        self._waiting: dict[Ref, None] = {}

    def claim(self, ref: Ref, limit: int) -> int:
        """0: go on, and it is counted. Else how many upgrades must end before."""
        if limit <= 0:
            return 0
        with self._lock:
            if not self._is_seeded:
                self._holding.update(self._under_way())
                self._is_seeded = True
            if ref in self._holding:
                return 0
            self._waiting.setdefault(ref)
            place = list(self._waiting).index(ref)
            room = limit - len(self._holding)
            if place < room:
                del self._waiting[ref]
                self._holding.add(ref)
                return 0
            return place - room + 1

    def withdraw(self, ref: Ref) -> None:
        """It wants no turn any more."""
        with self._lock:
            self._waiting.pop(ref, None)

    def settle(self, ref: Ref, *, is_under_way: bool, is_waiting: bool) -> None:
        """What became of a turn."""
        with self._lock:
            if is_under_way:
                self._holding.add(ref)
            else:
                self._holding.discard(ref)
            if not is_waiting:
                self._waiting.pop(ref, None)
