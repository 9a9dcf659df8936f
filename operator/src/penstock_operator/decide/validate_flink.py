"""Validation of what only a Flink cluster needs: its version, mode, service account and memory. Called by `validate.py`.

Penstock's own runtime has defaults for all of them. Pure.
"""

from collections.abc import Iterator

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkVersion, KubernetesDeploymentMode
from penstock_api.v1beta1.job import JobState, UpgradeMode
from penstock_api.v1beta1.resources import JobManagerSpec, TaskManagerSpec
from penstock_operator.decide.specs import decode_spec
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.facts import Problem

UNSUPPORTED = (FlinkVersion.V1_13, FlinkVersion.V1_14)
DEPRECATED = (FlinkVersion.V1_15, FlinkVersion.V1_16, FlinkVersion.V1_17, FlinkVersion.V1_18)
_MEMORY = {
    "jobManager": ("jobmanager.memory.process.size", "jobmanager.memory.flink.size", "jobmanager.memory.heap.size"),
    "taskManager": (
        "taskmanager.memory.process.size",
        "taskmanager.memory.flink.size",
        "taskmanager.memory.task.heap.size",
    ),
}  # fmt: skip


def check_flink(resource: FlinkDeployment) -> Iterator[Problem]:
    """Called for resources that run on Flink only."""
    yield from _version(resource)
    spec = resource.spec
    if not spec.service_account:
        yield refuse(
            "spec.serviceAccount is missing: name the service account of the cluster's pods, as in flink"
        )
    keys = flatten_configuration(spec.flink_configuration)
    for name, part in (("jobManager", spec.job_manager), ("taskManager", spec.task_manager)):
        if not _has_memory(part) and not any(key in keys for key in _MEMORY[name]):
            yield refuse(f"spec.{name}.resource.memory is missing: set it, as in 2048m")


def _version(resource: FlinkDeployment) -> Iterator[Problem]:
    spec = resource.spec
    if spec.flink_version is None:
        yield refuse("spec.flinkVersion is missing: set it to the version in the image, as in v2_2")
    elif spec.flink_version in UNSUPPORTED:
        yield refuse(f"spec.flinkVersion {spec.flink_version} is not supported: use v1_15 or newer")
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    if deployed is None or deployed.job is None or spec.job is None:
        return
    was_suspended = deployed.job.state is JobState.SUSPENDED
    kept_last_state = was_suspended and deployed.job.upgrade_mode is UpgradeMode.LAST_STATE
    is_other = deployed.flink_version is not spec.flink_version
    if kept_last_state and is_other and spec.job.upgrade_mode is not UpgradeMode.STATELESS:
        yield refuse(
            f"spec.flinkVersion changed from {deployed.flink_version} to {spec.flink_version} of a job that was suspended "
            "with its last state: resume it with the old version and upgrade it with a savepoint, or start it stateless"
        )


def changed_mode(old: KubernetesDeploymentMode | None, new: KubernetesDeploymentMode | None) -> bool:
    """Whether a cluster would have to change who makes its TaskManagers; unset is native."""
    native = KubernetesDeploymentMode.NATIVE
    return (old or native) is not (new or native)


def _has_memory(part: JobManagerSpec | TaskManagerSpec | None) -> bool:
    if part is None:
        return False
    old_style = part.resource is not None and bool(part.resource.memory)
    return old_style or (part.resources is not None and "memory" in part.resources.requests)
