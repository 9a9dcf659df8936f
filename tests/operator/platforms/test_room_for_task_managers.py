"""Room for TaskManagers: what quotas leave, what nodes have free, and that nodes are asked for rarely and never in vain."""

from collections.abc import Sequence
from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_operator.build import labels
from penstock_operator.errors import ExternalError
from penstock_operator.platforms.kubernetes_room import Nodes, spare

Manifest = dict[str, Any]

WORKERS: Manifest = {
    "metadata": {"name": "clicks-taskmanager", "namespace": "team"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "1", "memory": "1Gi"}}}
                ]
            }
        }
    },
}


def node(name: str, cpu: str = "4", memory: str = "8Gi", **spec: Any) -> Manifest:
    return {
        "metadata": {"name": name, "labels": {"disk": "fast"}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(place: str, cpu: str, phase: str = "Running") -> Manifest:
    return {
        "spec": {"nodeName": place, "containers": [{"resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": phase},
    }


def quota(hard: Manifest, used: Manifest, **about: Any) -> Manifest:
    return {
        "metadata": {"name": "team", **about},
        "spec": {"hard": hard},
        "status": {"hard": hard, "used": used},
    }


class Answers:
    """A client that has these objects, and counts how often it is asked."""

    def __init__(
        self, nodes: Sequence[Manifest] = (), pods: Sequence[Manifest] = (), quotas: Sequence[Manifest] = ()
    ) -> None:
        self.found = {"Node": nodes, "Pod": pods, "ResourceQuota": quotas}
        self.refused: set[str] = set()
        self.asked: list[str] = []

    def list(self, kind: str, namespace: str | None = None) -> Sequence[Manifest]:
        self.asked.append(kind)
        if kind in self.refused:
            raise ExternalError(Reason.PERMISSION_DENIED, f"GET {kind}: forbidden")
        return self.found[kind]


def room(answers: Answers, workers: Manifest = WORKERS, refresh: float = 60.0) -> tuple[int | None, str, str]:
    found = spare(answers, Nodes(answers), workers, refresh)  # type: ignore[arg-type]
    return found.task_managers, found.why, found.unseen


def with_pod_spec(**more: Any) -> Manifest:
    spec = {**WORKERS["spec"]["template"]["spec"], **more}
    return {**WORKERS, "spec": {"template": {"spec": spec}}}


def test_nodes_have_room_for_what_their_pods_leave() -> None:
    answers = Answers(
        [node("a"), node("b", memory="2Gi")],
        [pod("a", "2"), pod("a", "1500m", "Succeeded"), pod("c", "64")],
    )
    assert room(answers)[0] == 4 + 2


@pytest.mark.parametrize(
    "closed",
    [
        node("x", unschedulable=True),
        node("x", taints=[{"key": "gpu", "effect": "NoSchedule"}]),
        {
            **node("x"),
            "status": {**node("x")["status"], "conditions": [{"type": "Ready", "status": "False"}]},
        },
    ],
)
def test_nodes_that_take_no_such_pods_have_none(closed: Manifest) -> None:
    assert room(Answers([closed]))[0] == 0


def test_tolerations_and_selectors_count() -> None:
    tainted = node("x", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    tolerant = with_pod_spec(tolerations=[{"key": "gpu", "operator": "Exists"}])
    assert room(Answers([tainted]), tolerant)[0] == 8
    assert room(Answers([node("a")]), with_pod_spec(nodeSelector={"disk": "fast"}))[0] == 8
    assert room(Answers([node("a")]), with_pod_spec(nodeSelector={"disk": "slow"}))[0] == 0


def test_nodes_are_asked_for_once_in_a_while_for_all_jobs() -> None:
    answers, clock = Answers([node("a")]), [0.0]
    nodes = Nodes(answers, lambda: clock[0])  # type: ignore[arg-type]
    for _ in range(5):
        spare(answers, nodes, WORKERS, 60.0)  # type: ignore[arg-type]
    assert answers.asked.count("Node") == 1
    assert answers.asked.count("Pod") == 1
    clock[0] = 61.0
    spare(answers, nodes, WORKERS, 60.0)  # type: ignore[arg-type]
    assert answers.asked.count("Node") == 2


def test_where_nodes_are_added_on_demand_they_are_not_looked_at() -> None:
    answers = Answers([node("a", cpu="0")])
    assert room(answers, refresh=-60.0) == (None, "", "")
    assert "Node" not in answers.asked


def test_without_the_right_nodes_limit_nothing_and_that_is_said() -> None:
    answers = Answers([node("a")])
    answers.refused = {"Node"}
    count, _, unseen = room(answers)
    assert count is None
    assert "rbac.nodesRule.create" in unseen
    answers.refused = {"Node", "ResourceQuota"}
    assert "quotas are not looked at" in room(answers)[2]


def test_the_quota_that_leaves_least_counts() -> None:
    quotas = [
        quota({"requests.cpu": "10"}, {"requests.cpu": "8"}),
        quota({"limits.memory": "4Gi", "pods": "50"}, {"limits.memory": "1Gi", "pods": "4"}),
    ]
    count, why, _ = room(Answers([node("a", cpu="64", memory="99Gi")], quotas=quotas))
    assert count == 3
    assert why == "ResourceQuota team leaves limits.memory for 3 more TaskManagers"


def test_quotas_of_the_job_itself_and_of_some_pods_only_are_left_to_others() -> None:
    own = quota({"pods": "1"}, {"pods": "1"}, labels={labels.RESOURCE_UID: "u"})
    scoped = quota({"pods": "1"}, {"pods": "1"})
    scoped["spec"]["scopes"] = ["BestEffort"]
    assert room(Answers(quotas=[own, scoped]), refresh=-1.0)[0] is None
    spent = quota({"pods": "2"}, {"pods": "4"})
    assert room(Answers(quotas=[spent]), refresh=-1.0)[0] == 0
