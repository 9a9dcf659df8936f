"""What the metrics count: the newest state of every resource as watches told it, and how long states and changes took.

Fed by `metrics.py` with each event of a resource; asks nobody. The clock is passed in. Thread-safe.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Observe = Callable[[str, str, str, float], None]
"""Takes kind, namespace, name of the state or transition, seconds."""
Key = tuple[str, str, str]
"""Kind, namespace, name."""


@dataclass(slots=True)
class Entry:
    """One resource."""

    state: str | None = None
    since: float = 0.0
    body: Mapping[str, Any] = field(default_factory=dict)
    entered: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)


class Ledger:
    """Every resource that is watched."""

    def __init__(self, state_took: Observe, transition_took: Observe) -> None:
        self._state_took = state_took
        self._transition_took = transition_took
        self._lock = threading.Lock()
        self._entries: dict[Key, Entry] = {}

    def saw(self, kind: str, body: Mapping[str, Any], now: float) -> bool:
        """Take note of a resource as it is; says whether it has just failed."""
        meta = body.get("metadata") or {}
        key = (kind, str(meta.get("namespace") or ""), str(meta.get("name") or ""))
        with self._lock:
            entry = self._entries.setdefault(key, Entry(since=now))
            entry.body = _digest(body)
            state = lifecycle_of(kind, entry.body)
            if state == entry.state or state is None:
                return False
            return self._entered(key, entry, state, now)

    def gone(self, kind: str, namespace: str, name: str) -> None:
        """The resource was deleted."""
        with self._lock:
            self._entries.pop((kind, namespace, name), None)

    def entries(self) -> list[tuple[Key, str | None, Mapping[str, Any]]]:
        """Every resource: its key, its lifecycle state, its spec and status."""
        with self._lock:
            return [(key, entry.state, entry.body) for key, entry in self._entries.items()]

    def _entered(self, key: Key, entry: Entry, state: str, now: float) -> bool:
        kind, namespace, _ = key
        before = entry.state
        if before is not None:
            self._state_took(kind, namespace, before, now - entry.since)
            entry.left[before] = now
            for transition, since in _transitions(entry, state):
                self._transition_took(kind, namespace, transition, now - since)
        entry.state, entry.since = state, now
        entry.entered[state] = now
        return state == "FAILED"


def _digest(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is counted, and no more: there may be thousands."""
    status, spec = body.get("status") or {}, body.get("spec") or {}
    names = ("lifecycleState", "jobManagerDeploymentStatus", "clusterInfo", "blueGreenState", "state")
    kept = {name: status[name] for name in names if status.get(name) is not None}
    job = (status.get("jobStatus") or {}).get("state")
    type_ = {"checkpoint": True} if "checkpoint" in spec else {}
    return {"spec": type_, "status": {**kept, "jobStatus": {"state": job}}}


def lifecycle_of(kind: str, body: Mapping[str, Any]) -> str | None:
    """The state that is counted: the lifecycle, a snapshot's state, a blue/green deployment's."""
    status = body.get("status") or {}
    if kind == "FlinkStateSnapshot":
        return str(status.get("state") or "TRIGGER_PENDING")
    if kind == "FlinkBlueGreenDeployment":
        found = status.get("blueGreenState")
        return None if found is None else str(found)
    return str(status.get("lifecycleState") or "CREATED")


def _transitions(entry: Entry, state: str) -> list[tuple[str, float]]:
    """Which of upstream's transitions end by entering the state, and when each began."""
    found: list[tuple[str, float]] = []
    entered, left = entry.entered, entry.left
    if state == "DEPLOYED" and entry.state == "UPGRADING":
        found.append(("Submission", entered["UPGRADING"]))
    if state == "SUSPENDED" and "STABLE" in left:
        found.append(("Suspend", left["STABLE"]))
    if state == "ROLLED_BACK" and "ROLLING_BACK" in entered:
        found.append(("Rollback", entered["ROLLING_BACK"]))
    if state == "STABLE":
        if entry.state == "DEPLOYED":
            found.append(("Stabilization", entered["DEPLOYED"]))
        resumed, upgraded = left.get("SUSPENDED", -1.0), left.get("STABLE", -1.0)
        if max(resumed, upgraded) >= 0:
            found.append(("Resume", resumed) if resumed > upgraded else ("Upgrade", upgraded))
    return found


def count_by(
    entries: list[tuple[Key, str | None, Mapping[str, Any]]],
    kinds: tuple[str, ...],
    value: Callable[[str | None, Mapping[str, Any]], str | None],
) -> Counter[tuple[str, str, str]]:
    """How many resources of the kinds have which value, by kind and namespace; those without one are left out."""
    found: Counter[tuple[str, str, str]] = Counter()
    for (kind, namespace, _), state, body in entries:
        text = value(state, body) if kind in kinds else None
        if text:
            found[kind, namespace, text] += 1
    return found
