"""A campaign after Sieve (OSDI 2022): at every write that the operator makes, its view of the API server is perturbed.

One rollout is run without perturbation and its writes are counted. Then it is run again for every write and every
perturbation: the operator dies before or after the write, does not get its answer, sees the old world for a while
after it, or is told of no event for a while. Each run must end with the same resource and the same objects.
"""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import urllib3

from penstock_api.reasons import Reason
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import ExternalError
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.reconcile.loop import Loop
from tests.campaign.changes import Report, base_spec
from tests.campaign.driver import Stuck, Turner, World, is_trial
from tests.campaign.objects import differences, objects_of

Manifest = dict[str, Any]

STALE_READS = 40
"""So many reads after the write are answered from before it."""
MISSED_TURNS = 6
"""So many turns are told of no event."""
_UNCOUNTED = ("events",)


class Perturbation(StrEnum):
    """What is done to the operator at one of its writes."""

    NONE = "none"
    CRASH_BEFORE = "crash before the write"
    CRASH_AFTER = "crash after the write"
    LOST_ANSWER = "answer lost"
    STALE_READS = "stale reads after the write"
    MISSED_EVENTS = "no events after the write"


class Killed(BaseException):
    """The operator's process ends here; nothing of it may catch this."""


class PerturbedClient(KubeClient):
    """Counts writes, and perturbs at one of them. Remembers what every read said, to say it again."""

    def __init__(self, api: Any, what: Perturbation, at: int) -> None:
        super().__init__(api)
        self.writes: list[str] = []
        self.is_hit = False
        self._what, self._at = what, at
        self._said: dict[str, Manifest | None] = {}
        self._stale_left = 0
        self._deaf_left = 0

    @property
    def misses_events(self) -> bool:
        """Whether this turn's events are kept from the operator."""
        self._deaf_left -= self._deaf_left > 0
        return self._deaf_left > 0

    def _json(self, method: str, path: str, *arguments: Any, **options: Any) -> Manifest | None:
        if method != "GET":
            return super()._json(method, path, *arguments, **options)
        question = f"{path} {arguments}"
        if self._stale_left > 0 and question in self._said:
            self._stale_left -= 1
            return json.loads(json.dumps(self._said[question]))  # type: ignore[no-any-return]
        found = super()._json(method, path, *arguments, **options)
        self._said[question] = found
        return found

    def _send(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        is_event = path.split("/")[-2] in _UNCOUNTED or path.endswith(_UNCOUNTED)
        if method == "GET" or is_event or is_trial(arguments):
            return super()._send(method, path, *arguments, **options)
        self.writes.append(f"{method} {path}")
        if self.is_hit or len(self.writes) != self._at:
            return super()._send(method, path, *arguments, **options)
        self.is_hit = True
        return self._perturb(method, path, *arguments, **options)

    def _perturb(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        if self._what is Perturbation.CRASH_BEFORE:
            raise Killed
        response = super()._send(method, path, *arguments, **options)
        match self._what:
            case Perturbation.CRASH_AFTER:
                response.read()
                raise Killed
            case Perturbation.LOST_ANSWER:
                response.read()
                raise ExternalError(Reason.ERROR, f"{method} {path}: the answer was lost by the campaign")
            case Perturbation.STALE_READS:
                self._stale_left = STALE_READS
            case Perturbation.MISSED_EVENTS:
                self._deaf_left = MISSED_TURNS
        return response


class Operator(Turner):
    """A turner whose operator may die, which then begins anew with nothing in memory."""

    def __init__(self, world: World, ref: Ref, what: Perturbation, at: int) -> None:
        super().__init__(world, ref)
        self.perturbed = PerturbedClient(world.client._api, what, at)
        self._begin()

    def turn(self) -> bool:
        if not self.perturbed.misses_events:  # else what is remembered counts, whatever changed since
            self.perturbed.memory = type(self.perturbed.memory)()
        before = len(self.perturbed.writes)
        try:
            self._loop.reconcile(self.ref)
        except Killed:
            self._begin()
            return True
        return len(self.perturbed.writes) != before

    def _begin(self) -> None:
        platform = KubernetesPlatform(self.perturbed, Defaults(), rest_address=self.world.stubs.address)
        self.perturbed.memory = type(self.perturbed.memory)()
        self._loop = Loop(platform, lambda: self.perturbed.memory.recalling())


@dataclass
class End:
    """What a run left."""

    status: Manifest
    objects: dict[str, str]
    counts: list[int]
    writes: list[str] = field(default_factory=list)


Change = Callable[["Run"], None]


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
            Turner(self.world, self.ref).settle()
            change(self)
        operator = Operator(self.world, self.ref, self._what, self._at)
        operator.settle()
        self.is_hit = operator.perturbed.is_hit
        return self._end(operator)

    def patch(self, spec: Manifest) -> None:
        """Merge into the spec."""
        self.world.client.patch("FlinkDeployment", self.ref.name, self.ref.namespace, {"spec": spec})

    def _end(self, operator: Operator) -> End:
        found = operator.read()
        status = (found or {}).get("status") or {}
        place = f"{self.ref.namespace}-{self.ref.name}"
        starts = self.world.stubs.starts.get(self.uid, [])
        assert not any(start.lost_state for start in starts), "state was lost"
        assert self.world.kubelet.side_by_side == [], "two jobs side by side"
        objects = objects_of(self.world.client, self.uid, place, self.ref.namespace)
        named = {
            key: text.replace(self.ref.namespace, "NAMESPACE").replace(self.uid, "UID")
            for key, text in objects.items()
        }
        return End(_essence(status), named, [start.count for start in starts], operator.perturbed.writes)


def _essence(status: Manifest) -> Manifest:
    job = status.get("jobStatus") or {}
    spec = (
        json.loads((status.get("reconciliationStatus") or {}).get("lastReconciledSpec") or "{}").get("spec")
        or {}
    )
    return {
        "lifecycleState": status.get("lifecycleState"),
        "error": status.get("error"),
        "observedGeneration": status.get("observedGeneration"),
        "state": job.get("state"),
        "pending": status.get("pendingSavepoint"),
        "args": (spec.get("job") or {}).get("args"),
        "reconciliation": (status.get("reconciliationStatus") or {}).get("state"),
    }


def _upgrade(run: Run) -> None:
    run.patch({"job": {"args": ["--two"]}})


def _last_state(run: Run) -> None:
    run.world.stubs.complete_checkpoint(f"{run.ref.namespace}-{run.ref.name}", run.ref.name)
    run.patch({"job": {"args": ["--two"], "upgradeMode": "last-state"}})


def _suspend(run: Run) -> None:
    run.patch({"job": {"state": "suspended"}})


def _scale(run: Run) -> None:
    run.patch({"job": {"parallelism": 2}})


def _delete(run: Run) -> None:
    run.world.client.delete("FlinkDeployment", run.ref.name, run.ref.namespace)


ROLLOUTS: dict[str, Change | None] = {
    "deploy": None,
    "savepoint upgrade": _upgrade,
    "last-state upgrade": _last_state,
    "suspend": _suspend,
    "scale": _scale,
    "delete": _delete,
}


def run(world: World, seed: int, number: int | None = None, workers: int = 4) -> Report:
    """Every perturbation at every write of every rollout, or `number` of them chosen by the seed."""
    report = Report(seed)
    world.stubs.is_periodic = False
    plain = {name: Run(world, Perturbation.NONE, 0).go(change) for name, change in ROLLOUTS.items()}
    cases = [
        (name, what, at)
        for name, end in plain.items()
        for at in range(1, len(end.writes) + 1)
        for what in Perturbation
        if what is not Perturbation.NONE
    ]
    if number is not None:
        cases = random.Random(seed).sample(cases, min(number, len(cases)))
    with ThreadPoolExecutor(workers) as pool:
        for told in pool.map(lambda case: _compare(world, plain[case[0]], *case), cases):
            report.ends[told[0]] += 1
            report.failures += told[1:]
    return report


def _compare(world: World, plain: End, name: str, what: Perturbation, at: int) -> list[str]:
    where = f"{name}, {what} {at} ({plain.writes[at - 1]})"
    try:
        run = Run(world, what, at)
        end = run.go(ROLLOUTS[name])
        assert end.status == plain.status, f"ended as {end.status}, not as {plain.status}"
        # Reads of Kubernetes are never older than a write: one more start from the same state is the worst it may lead to.
        counts = sorted(set(end.counts)) if what is Perturbation.STALE_READS else end.counts
        assert counts == plain.counts, f"starts restored {end.counts}, not {plain.counts}"
        found = differences(plain.objects, end.objects)
        assert not found, "; ".join(found)
    except (AssertionError, Stuck) as error:
        return [f"{name}: FAILURE", f"{where}: {str(error)[:900]}"]
    return [f"{name}: the same end" if run.is_hit else "the write was not needed this time"]
