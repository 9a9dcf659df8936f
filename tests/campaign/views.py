"""A campaign after Sieve (OSDI 2022): at every write that the operator makes, its view of the API server is perturbed.

One rollout is run without perturbation and its writes are counted. Then it is run again for every write and every
perturbation: the operator dies before or after the write, does not get its answer, sees the old world for a while
after it, is told of no event for a while, or is overtaken by another leader. Each run must end with the same resource
and the same objects.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from penstock_operator.model.facts import Ref
from tests.campaign.changes import Report, base_spec
from tests.campaign.driver import Stuck, World
from tests.campaign.objects import differences, objects_of
from tests.campaign.perturbed import Operator, Perturbation
from tests.servers.stub_kubelet import FAIL

Manifest = dict[str, Any]
Change = Callable[["Run"], None]
_KEYS = "kubernetes.operator."


@dataclass
class End:
    """What a run left."""

    status: Manifest
    objects: dict[str, str]
    counts: list[int]
    writes: list[str] = field(default_factory=list)


class Run:
    """One rollout: a plain job, then the change, under one perturbation at one write of the rollout."""

    def __init__(self, world: World, what: Perturbation, at: int) -> None:
        self.world = world
        self.ref = Ref(world.namespace(), "clicks")
        self._what, self._at = what, at
        self.is_hit = False

    def go(self, change: Change | None) -> End:
        """The end. Without a change the first deployment is the rollout."""
        spec = base_spec(self.world, self.ref.namespace)
        about = {"name": self.ref.name, "namespace": self.ref.namespace}
        body = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", "metadata": about}
        made = self.world.client.create({**body, "spec": spec})
        self.uid = str(made["metadata"]["uid"])
        if change is not None:
            self.settle()
            change(self)
        operator = Operator(self.world, self.ref, self._what, self._at)
        operator.settle()
        self.is_hit = operator.perturbed.is_hit
        return self._end(operator)

    def settle(self) -> None:
        """An operator without perturbation brings about what is declared."""
        Operator(self.world, self.ref).settle()

    def patch(self, job: Manifest | None = None, *, strategy: str = "Recreate", **keys: str) -> None:
        """Merge into the spec: its job, how it is upgraded, and keys of the operator's."""
        configuration = {_KEYS + key.replace("_", "."): value for key, value in keys.items()}
        spec = {"upgradeStrategy": strategy, "flinkConfiguration": configuration}
        if job:
            spec["job"] = job
        self.world.client.patch("FlinkDeployment", self.ref.name, self.ref.namespace, {"spec": spec})

    def _end(self, operator: Operator) -> End:
        found = operator.read()
        status = (found or {}).get("status") or {}
        place = f"{self.ref.namespace}-{self.ref.name}"
        starts = self.world.stubs.starts.get(self.uid, [])
        assert not any(start.lost_state for start in starts), "state was lost"
        mine = [said for said in self.world.kubelet.side_by_side if self.ref.namespace in said]
        assert mine == [], "two jobs side by side"
        objects = objects_of(self.world.client, self.uid, place, self.ref.namespace)
        named = {
            key: text.replace(self.ref.namespace, "NAMESPACE").replace(self.uid, "UID")
            for key, text in objects.items()
        }
        counts = [start.count for start in starts]
        return End(_essence(status, self.ref.namespace), named, counts, operator.perturbed.writes)


def _essence(status: Manifest, namespace: str) -> Manifest:
    job = status.get("jobStatus") or {}
    held = status.get("reconciliationStatus") or {}
    spec = json.loads(held.get("lastReconciledSpec") or "{}").get("spec") or {}
    return {
        "lifecycleState": status.get("lifecycleState"),
        "error": (status.get("error") or "").replace(namespace, "NAMESPACE") or None,
        "observedGeneration": status.get("observedGeneration"),
        "state": job.get("state"),
        "pending": status.get("pendingSavepoint"),
        "args": (spec.get("job") or {}).get("args"),
        "parallelism": (spec.get("job") or {}).get("parallelism"),
        "overrides": (status.get("autoscaler") or {}).get("overrides"),
        "reconciliation": held.get("state"),
    }


def _upgrade(run: Run) -> None:
    run.patch({"args": ["--two"]})


def _last_state(run: Run) -> None:
    run.world.stubs.complete_checkpoint(f"{run.ref.namespace}-{run.ref.name}", run.ref.name)
    run.patch({"args": ["--two"], "upgradeMode": "last-state"})


def _warm(run: Run) -> None:
    run.patch({"args": ["--two"]}, strategy="Warm")


def _suspend(run: Run) -> None:
    run.patch({"state": "suspended"})


def _resume(run: Run) -> None:
    run.patch({"state": "suspended"})
    run.settle()
    run.patch({"state": "running"})


def _scale(run: Run) -> None:
    run.patch({"parallelism": 2})


def _rollback(run: Run) -> None:
    run.patch(deployment_rollback_enabled="true")
    run.settle()
    run.patch({"args": [FAIL]})


def _autoscale(run: Run) -> None:
    run.patch(job_autoscaler_enabled="true")


def _delete(run: Run) -> None:
    run.world.client.delete("FlinkDeployment", run.ref.name, run.ref.namespace)


ROLLOUTS: dict[str, Change | None] = {
    "deploy": None,
    "savepoint upgrade": _upgrade,
    "last-state upgrade": _last_state,
    "warm upgrade": _warm,
    "suspend": _suspend,
    "resume": _resume,
    "scale": _scale,
    "rollback": _rollback,
    "autoscaler": _autoscale,
    "delete": _delete,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of the campaign is run."""

    rollouts: Sequence[str] = tuple(ROLLOUTS)
    kinds: Sequence[Perturbation] = tuple(Perturbation)
    number: int | None = None
    """So many cases, chosen by the seed; all of them if none."""
    seconds: float | None = None
    """No case is begun after that time."""


def run(world: World, seed: int, bounds: Bounds, workers: int = 4) -> Report:
    """Every perturbation at every write of every rollout, as far as the bounds go; in a random order."""
    report, begun = Report(seed), time.monotonic()
    world.stubs.is_periodic = False
    plain = {name: Run(world, Perturbation.NONE, 0).go(ROLLOUTS[name]) for name in bounds.rollouts}
    cases = [
        (name, what, at)
        for name, end in plain.items()
        for at, write in enumerate(end.writes, 1)
        for what in bounds.kinds
        if what is not Perturbation.NONE and _applies(what, write)
    ]
    random.Random(seed).shuffle(cases)
    chosen = cases if bounds.number is None else cases[: bounds.number]
    writes = ", ".join(f"{name} {len(end.writes)}" for name, end in plain.items())
    print(f"writes: {writes}; {len(cases)} cases, {len(chosen)} of them are run", flush=True)

    def turn(case: tuple[str, Perturbation, int]) -> list[str]:
        if bounds.seconds is not None and time.monotonic() - begun > bounds.seconds:
            return ["not begun in time"]
        return _compare(world, plain[case[0]], *case)

    with ThreadPoolExecutor(workers) as pool:
        for told in pool.map(turn, chosen):
            report.ends[told[0]] += 1
            report.failures += told[1:]
            for failure in told[1:]:
                print(f"- {failure}", flush=True)
    return report


def _applies(what: Perturbation, write: str) -> bool:
    """A resource that somebody else touched matters to writes of it alone."""
    return what is not Perturbation.TOUCHED or "/flinkdeployments/" in write


def _compare(world: World, plain: End, name: str, what: Perturbation, at: int) -> list[str]:
    where = f"{name}, {what} {at} ({plain.writes[at - 1]})"
    try:
        run = Run(world, what, at)
        end = run.go(ROLLOUTS[name])
        assert end.status == plain.status, f"ended as {end.status}, not as {plain.status}"
        # Reads of Kubernetes are never older than a write: one more start from the same state is the worst it may lead to.
        is_stale = what is Perturbation.STALE_READS
        counts, wanted = (
            (sorted({*end.counts}), sorted({*plain.counts})) if is_stale else (end.counts, plain.counts)
        )
        assert counts == wanted, f"starts restored {end.counts}, not {plain.counts}"
        found = differences(plain.objects, end.objects)
        assert not found, "; ".join(found)
    except (AssertionError, Stuck) as error:
        return [f"{name}: FAILURE", f"{where}: {str(error)[:900]}"]
    return [f"{name}: the same end" if run.is_hit else "the write was not needed this time"]
