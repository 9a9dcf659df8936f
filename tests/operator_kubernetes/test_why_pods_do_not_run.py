"""One clear reason from what Kubernetes says of pods, Deployments and Events."""

from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_operator.platforms.kubernetes_diagnosis import diagnose, needs_events


def pod(component: str = "jobmanager", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "uid": "u", "labels": {"component": component}}, "status": status}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    entry = {"name": "flink-main-container", "image": "clicks:9", "state": state, **more}
    return pod(containerStatuses=[entry])


@pytest.mark.parametrize(
    ("found", "reason", "words"),
    [
        (waiting("ImagePullBackOff", "not found"), Reason.IMAGE_PULL_FAILED, "'clicks:9'"),
        (waiting("ErrImageNeverPull"), Reason.IMAGE_PULL_FAILED, "JobManager"),
        (waiting("InvalidImageName"), Reason.IMAGE_PULL_FAILED, "clicks:9"),
        (waiting("CreateContainerConfigError", 'secret "s" not found'), Reason.SECRET_MISSING, 'secret "s"'),
        (
            waiting("CreateContainerConfigError", "couldn't find key"),
            Reason.CREATE_CONTAINER_CONFIG_ERROR,
            "couldn't find key",
        ),
        (
            waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 3, "message": "Traceback"}}),
            Reason.CRASH_LOOP_BACK_OFF,
            "exit code 3 again and again. Traceback",
        ),
        (
            waiting("CrashLoopBackOff", lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}}),
            Reason.OOM_KILLED,
            "memory limit",
        ),
        (
            pod(conditions=[{"type": "PodScheduled", "reason": "Unschedulable", "message": "0/1 nodes"}]),
            Reason.POD_NOT_SCHEDULED,
            "0/1 nodes",
        ),
    ],
)
def test_a_pod_that_waits_has_a_reason(found: dict[str, Any], reason: Reason, words: str) -> None:
    problem = diagnose([found], [], [])
    assert problem is not None
    assert problem.reason is reason
    assert words in problem.message


def test_a_pod_on_its_way_is_no_problem() -> None:
    assert diagnose([waiting("ContainerCreating"), pod(phase="Running")], [], []) is None
    assert needs_events([waiting("ContainerCreating")])
    assert not needs_events([pod(phase="Running")])


def test_a_pod_that_ends_is_no_problem() -> None:
    ending = waiting("CrashLoopBackOff")
    ending["metadata"]["deletionTimestamp"] = "now"
    assert diagnose([ending], [], []) is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('MountVolume.SetUp failed for volume "x": secret "s" not found', Reason.SECRET_MISSING),
        ("no such device", Reason.FAILED_MOUNT),
    ],
)
def test_volumes_are_explained_by_events(message: str, reason: Reason) -> None:
    event = {"involvedObject": {"uid": "u"}, "reason": "FailedMount", "message": message}
    other = {"involvedObject": {"uid": "v"}, "reason": "FailedMount", "message": message}
    problem = diagnose([waiting("ContainerCreating")], [], [other, event])
    assert problem is not None
    assert problem.reason is reason


def test_refused_pods_are_explained_by_their_deployment_and_the_cause_comes_first() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    deployment = {"metadata": {"name": "clicks"}, "status": {"conditions": [condition]}}
    problem = diagnose([], [deployment], [])
    assert problem is not None
    assert problem.reason is Reason.FAILED_CREATE
    first = diagnose([waiting("CrashLoopBackOff"), waiting("ErrImagePull")], [deployment], [])
    assert first is not None
    assert first.reason is Reason.IMAGE_PULL_FAILED
