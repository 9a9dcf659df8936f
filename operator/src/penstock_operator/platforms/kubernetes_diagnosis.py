"""Why a job's pods do not run, from what Kubernetes says of them. Pure; called by the Kubernetes platform.

One clear reason is chosen, the one nearest to the cause: what the owner named wrongly before what follows from it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from penstock_api.reasons import Reason
from penstock_operator.build import labels
from penstock_operator.model.facts import Problem

Manifest = dict[str, Any]

_WAITING: dict[str, Reason] = {
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": Reason.CREATE_CONTAINER_CONFIG_ERROR,
    "CreateContainerError": Reason.RUN_CONTAINER_ERROR,
    "RunContainerError": Reason.RUN_CONTAINER_ERROR,
    "CrashLoopBackOff": Reason.CRASH_LOOP_BACK_OFF,
}
_LONGEST_LOG = 500
_ORDER = (
    Reason.IMAGE_PULL_FAILED,
    Reason.SECRET_MISSING,
    Reason.CREATE_CONTAINER_CONFIG_ERROR,
    Reason.FAILED_CREATE,
    Reason.FAILED_MOUNT,
    Reason.RUN_CONTAINER_ERROR,
    Reason.OOM_KILLED,
    Reason.CRASH_LOOP_BACK_OFF,
    Reason.POD_NOT_SCHEDULED,
)


def diagnose(
    pods: Sequence[Manifest], deployments: Sequence[Manifest], events: Sequence[Manifest]
) -> Problem | None:
    """The problem, or None while everything is on its way. `events` are the Warnings of the job's namespace."""
    found = [
        *(problem for pod in pods for problem in _of_pod(pod)),
        *(problem for pod in pods for problem in _of_events(pod, events)),
        *(problem for deployment in deployments for problem in _of_deployment(deployment)),
    ]
    return min(found, key=lambda problem: _ORDER.index(problem.reason), default=None)


def needs_events(pods: Sequence[Manifest]) -> bool:
    """Whether a pod waits for its containers without saying why: only Events tell of volumes."""
    return any(
        (state.get("waiting") or {}).get("reason") in ("ContainerCreating", "PodInitializing")
        for pod in pods
        for _, state, _ in _containers(pod)
    )


def _component(pod: Manifest) -> str:
    name = pod["metadata"].get("labels", {}).get(labels.COMPONENT)
    return {labels.JOB_MANAGER: "JobManager", labels.TASK_MANAGER: "TaskManager"}.get(name or "", "Pod")


def _containers(pod: Manifest) -> Iterator[tuple[Manifest, Manifest, Manifest]]:
    status = pod.get("status", {})
    for entry in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        yield entry, entry.get("state") or {}, (entry.get("lastState") or {}).get("terminated") or {}


def _of_pod(pod: Manifest) -> Iterator[Problem]:
    if pod["metadata"].get("deletionTimestamp"):
        return
    where = _component(pod)
    for entry, state, last in _containers(pod):
        waiting = state.get("waiting") or {}
        reason = _WAITING.get(waiting.get("reason", ""))
        if reason is None:
            continue
        yield _waiting(reason, where, entry, waiting, last)
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            yield Problem(Reason.POD_NOT_SCHEDULED, f"{where}: {condition.get('message', '')}", where)


def _waiting(reason: Reason, where: str, entry: Manifest, waiting: Manifest, last: Manifest) -> Problem:
    container, said = entry.get("name"), waiting.get("message") or waiting.get("reason")
    if reason is Reason.IMAGE_PULL_FAILED:
        cause = str(said).rsplit("ErrImagePull: ", 1)[-1]  # the same while it is tried and while it is not
        return Problem(reason, f"{where}: image {entry.get('image')!r} cannot be pulled: {cause}", where)
    if reason is Reason.CREATE_CONTAINER_CONFIG_ERROR and "secret" in str(said):
        return Problem(Reason.SECRET_MISSING, f"{where}: container {container}: {said}", where)
    if reason is Reason.CRASH_LOOP_BACK_OFF:
        if last.get("reason") == "OOMKilled":
            return Problem(
                Reason.OOM_KILLED, f"{where}: container {container} exceeded its memory limit", where
            )
        ended = f"ended with exit code {last.get('exitCode')}"
        detail = (last.get("message") or "").strip()[-_LONGEST_LOG:]
        return Problem(
            reason, f"{where}: container {container} {ended} again and again. {detail}".strip(), where
        )
    return Problem(reason, f"{where}: container {container}: {said}", where)


def _of_events(pod: Manifest, events: Sequence[Manifest]) -> Iterator[Problem]:
    if not needs_events([pod]):
        return
    uid = pod["metadata"].get("uid")
    for event in events:
        about = event.get("involvedObject") or {}
        if about.get("uid") == uid and event.get("reason") == "FailedMount":
            said = event.get("message", "")
            reason = (
                Reason.SECRET_MISSING if "secret" in said and "not found" in said else Reason.FAILED_MOUNT
            )
            yield Problem(reason, f"{_component(pod)}: {said}", _component(pod))


def _of_deployment(deployment: Manifest) -> Iterator[Problem]:
    for condition in deployment.get("status", {}).get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            name = deployment["metadata"]["name"]
            yield Problem(Reason.FAILED_CREATE, f"pods of {name} are refused: {condition.get('message', '')}")
