"""A campaign after Acto (SOSP 2023): generated changes of a resource, each there and back again.

A change must end in the state that the new spec declares or in a refusal with a reason; a return to the old spec must
end in the old state with the old objects. Every failure is told with the change that led to it.
"""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from penstock_api.reasons import Reason
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import UserError
from penstock_operator.model.facts import Ref
from tests.campaign.driver import Outcome, Stuck, Turner, World
from tests.campaign.generator import Change, changes
from tests.campaign.objects import differences, objects_of

Manifest = dict[str, Any]


@dataclass
class Report:
    """What came of a campaign."""

    seed: int
    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For people."""
        ends = "\n".join(f"  {number:4} {end}" for end, number in self.ends.most_common())
        failed = "\n".join(f"- {failure}" for failure in self.failures) or "none"
        return (
            f"seed {self.seed}: {self.ends.total()} runs\n{ends}\nfailures ({len(self.failures)}):\n{failed}"
        )


def base_spec(world: World, name: str) -> Manifest:
    """The old spec: an ordinary job with state."""
    folder = f"file://{world.folder}/{name}"
    return {
        "job": {
            "jarURI": "local:///opt/job.py",
            "parallelism": 1,
            "upgradeMode": "savepoint",
            "args": ["--a"],
        },
        "flinkConfiguration": {
            "state.checkpoints.dir": f"{folder}/checkpoints",
            "state.savepoints.dir": f"{folder}/savepoints",
            "kubernetes.operator.deployment.stability.window": "1 ms",
        },
        "taskManager": {"resource": {"memory": "1024m", "cpu": 0.5}},
    }


class Subject:
    """One resource that is changed and changed back."""

    def __init__(self, world: World, index: int) -> None:
        self._world = world
        self._ref = Ref(world.namespace(), f"job-{index}")
        self._spec = base_spec(world, f"{self._ref.namespace}-{index}")
        body = {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkDeployment",
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            "spec": self._spec,
        }
        self.uid = str(world.client.create(body)["metadata"]["uid"])
        self._turner = Turner(world, self._ref)
        outcome = self._turner.settle()
        assert outcome is not None
        assert outcome.is_declared, f"the plain job does not run: {outcome}"
        self._objects = self._look()
        self._lost = 0

    def go(self, change: Change) -> str:
        """Change it and change it back; how the change ended. Raises AssertionError where it should not."""
        if change.may_give_state_up:
            self._world.stubs.forget_state(self.uid)
        end = self._change(change)
        if change.may_give_state_up:
            self._world.stubs.forget_state(self.uid)
        self._return()
        self._check_state(change)
        return end

    def close(self) -> None:
        """Delete it."""
        self._world.client.delete("FlinkDeployment", self._ref.name, self._ref.namespace)
        if self._turner.settle() is not None:
            raise Stuck("the resource does not go")

    def _change(self, change: Change) -> str:
        try:
            self._world.client.patch(
                "FlinkDeployment", self._ref.name, self._ref.namespace, {"spec": change.patch}
            )
        except UserError:
            return "refused by the API server"
        outcome = self._settle("the change")
        if outcome.reason == Reason.ERROR.value:
            raise AssertionError(f"the change has no reason but an error: {outcome.message}")
        return "as declared" if outcome.is_declared else f"{outcome.lifecycle} with reason {outcome.reason}"

    def _return(self) -> None:
        found = self._turner.read()
        assert found is not None, "the change made the resource go away"
        if found["spec"] != self._spec:
            self._world.client.replace({**found, "spec": self._spec})
        outcome = self._settle("the return")
        assert outcome.is_declared, f"the return ended as {outcome.lifecycle} with reason {outcome.reason}"
        found_differences = differences(self._objects, self._look())
        assert not found_differences, f"the return left other objects: {'; '.join(found_differences)}"

    def _settle(self, what: str) -> Outcome:
        try:
            outcome = self._turner.settle()
        except Stuck as stuck:
            raise AssertionError(f"{what} is {stuck}") from stuck
        assert outcome is not None, f"{what} made the resource go away"
        return outcome

    def _check_state(self, change: Change) -> None:
        lost = sum(start.lost_state for start in self._world.stubs.starts.get(self.uid, ()))
        news, self._lost = lost - self._lost, lost
        assert change.may_give_state_up or not news, "state was lost"
        assert self._world.kubelet.side_by_side == [], "two jobs side by side"

    def _look(self) -> dict[str, str]:
        status = (self._turner.read() or {}).get("status") or {}
        place = status.get("jobNamespace") or self._ref.namespace
        return objects_of(self._world.client, self.uid, self._ref.namespace, place)


def run(world: World, number: int, seed: int, workers: int = 4) -> Report:
    """So many changes, dealt to so many resources at a time."""
    report = Report(seed)
    world.stubs.is_periodic = True
    schema = _schema(world.client)
    deals = [random.Random(f"{seed} {index}").randrange(2**32) for index in range(workers)]
    shares = [number // workers + (index < number % workers) for index in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        list(
            pool.map(
                lambda deal: _work(world, report, changes(schema, deal[0]), deal[1]),
                zip(deals, shares, strict=True),
            )
        )
    return report


def _work(world: World, report: Report, wanted: Iterator[Change], number: int) -> None:
    index = 0
    subject: Subject | None = None
    for change in islice(wanted, number):
        try:
            subject = subject or Subject(world, index)
            report.ends[subject.go(change)] += 1
        except AssertionError as error:
            report.ends["FAILURE"] += 1
            report.failures.append(f"{change.words}: {str(error)[:700]}")
            subject, index = None, index + 1  # what went wrong must not spoil what follows
    if subject is not None:
        try:
            subject.close()
        except AssertionError as error:
            report.failures.append(f"deletion at the end: {error}")


def _schema(client: KubeClient) -> Manifest:
    found = client.get("CustomResourceDefinition", "flinkdeployments.flink.apache.org") or {}
    schema: Manifest = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema
