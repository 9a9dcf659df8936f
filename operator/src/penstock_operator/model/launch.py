"""A launch: one job, as a platform must run it. Made by `decide/`, carried by the plan, read by platforms and `build/`.

Platforms add what only they know (addresses, ports, certificates, namespaces) and never change what is here.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from penstock_api.v1beta1.configuration import ValueSource, flatten_configuration, value_sources
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec, JobNamespaceMode
from penstock_api.v1beta1.job import UpgradeMode
from penstock_operator.model.facts import Ref
from penstock_operator.model.layers import version_defaults

OPERATOR_PREFIXES = ("kubernetes.operator.", "job.autoscaler.")
"""Keys of the operator itself: never in a job's config."""
NAMESPACE_MODE_KEY = "kubernetes.operator.job-namespaces.mode"
WAIT = "--wait-for-word"
"""Argument of a JobManager that another cluster's job is run beside."""
SLOTS_KEY = "taskmanager.numberOfTaskSlots"
LAST_STATE_CHECKPOINT_INTERVAL = "5 min"
"""As upstream: a last-state job without an interval would have no state to come back to."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run. Deploying the same launch twice must change nothing the second time."""

    ref: Ref
    uid: str
    generation: int
    spec: FlinkDeploymentSpec
    job_id: str
    from_savepoint: str | None = None
    cluster: str = ""
    """Name of JobManager and TaskManagers that wait for the word before they run the job; empty, the resource's own."""
    waits: bool = False
    """The word is not given yet: another cluster runs the job, and keeps what is the resource's alone."""

    @property
    def name(self) -> str:
        """Name of JobManager, TaskManagers and what belongs to them alone."""
        return self.cluster or self.ref.name

    @property
    def program(self) -> str:
        """URI or path of the program."""
        return (self.spec.job.jar_uri if self.spec.job else None) or ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of the program."""
        return tuple(self.spec.job.args) if self.spec.job else ()

    @property
    def slots(self) -> int:
        """Slots of one TaskManager."""
        return max(1, int(flatten_configuration(self.spec.flink_configuration).get(SLOTS_KEY, "1")))

    @property
    def parallelism(self) -> int:
        """Parallelism of the job: TaskManagers times slots where their number is given, else the job's own."""
        replicas = self.spec.task_manager.replicas if self.spec.task_manager else None
        if replicas:
            return replicas * self.slots
        return max(1, self.spec.job.parallelism if self.spec.job else 1)

    @property
    def task_managers(self) -> int:
        """How many TaskManagers there must be."""
        replicas = self.spec.task_manager.replicas if self.spec.task_manager else None
        return replicas or math.ceil(self.parallelism / self.slots)

    @property
    def configuration(self) -> dict[str, str]:
        """Flink keys for `config.yaml`: the owner's, with upstream's computed values; platforms add addresses."""
        return job_configuration(self.spec, self.ref.name)

    @property
    def sources(self) -> dict[str, ValueSource]:
        """Flink keys whose values are in Secrets and ConfigMaps: never written anywhere, the pods get them as they start."""
        return value_sources(self.spec.flink_configuration)

    @property
    def fingerprint(self) -> str:
        """The same for two launches that would run the same thing; written on what is deployed."""
        origin = self.cluster or self.from_savepoint  # who waits is told from which state
        content = [self.job_id, origin, self.spec.to_wire()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def job_manager_arguments(self) -> list[str]:
        """Arguments of `jobmanager` after `--config-dir DIR`: the launch contract with the runtime; none in a session."""
        job = self.spec.job
        if job is None:
            return []
        found = ["--job-id", self.job_id, "--program", self.program]
        if self.cluster:
            found.append(WAIT)
        elif self.from_savepoint:
            found += ["--from-savepoint", self.from_savepoint]
        if job.allow_non_restored_state:
            found.append("--allow-non-restored-state")
        found += ["--parallelism", str(self.parallelism)]
        if job.requirements:
            found += ["--requirements", job.requirements]
        if job.entry_class:
            found += ["--entry-class", job.entry_class]
        if self.arguments:
            found += ["--", *self.arguments]
        return found


def job_configuration(spec: FlinkDeploymentSpec, name: str) -> dict[str, str]:
    """The configuration of the job: the owner's keys without the operator's, and upstream's computed ones."""
    found = {
        key: value
        for key, value in flatten_configuration(spec.flink_configuration).items()
        if not key.startswith(OPERATOR_PREFIXES)
    }
    found.setdefault(SLOTS_KEY, "1")
    found.setdefault("pipeline.name", name)
    found.setdefault("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION")
    found["execution.shutdown-on-application-finish"] = "false"
    found["web.cancel.enable"] = "false"
    if spec.job and spec.job.upgrade_mode is not UpgradeMode.STATELESS:
        found.setdefault("execution.checkpointing.interval", LAST_STATE_CHECKPOINT_INTERVAL)
    if spec.job and spec.job.archives:
        found["penstock.program.archives"] = ";".join(spec.job.archives)
    return found


def with_defaults(spec: FlinkDeploymentSpec, defaults: Mapping[str, str]) -> FlinkDeploymentSpec:
    """The spec with the installation's configuration below its own. Never recorded: only what the owner wrote is."""
    own = flatten_configuration(spec.flink_configuration)
    version = spec.flink_version.value if spec.flink_version else None
    added = {key: value for key, value in version_defaults(defaults, version).items() if key not in own}
    if not added:
        return spec
    return spec.model_copy(update={"flink_configuration": {**added, **spec.flink_configuration}})


def namespace_mode(spec: FlinkDeploymentSpec, defaults: Mapping[str, str]) -> JobNamespaceMode:
    """Where the job's objects are made: as the spec says, else the installation, else as the engine has it."""
    if spec.job_namespaces is not None and spec.job_namespaces.mode is not None:
        return spec.job_namespaces.mode
    said = defaults.get(NAMESPACE_MODE_KEY, "").strip().lower()
    return next((mode for mode in JobNamespaceMode if mode.lower() == said), spec.effective_namespace_mode)


def checkpoint_directory(spec: FlinkDeploymentSpec) -> str | None:
    """Where the job keeps its checkpoints, by Flink's new key or its old one."""
    keys = flatten_configuration(spec.flink_configuration)
    return keys.get("execution.checkpointing.dir") or keys.get("state.checkpoints.dir")


def savepoint_directory(spec: FlinkDeploymentSpec) -> str | None:
    """Where the job's savepoints go, by Flink's new key or its old one."""
    keys = flatten_configuration(spec.flink_configuration)
    return keys.get("execution.checkpointing.savepoint-dir") or keys.get("state.savepoints.dir")


def ha_type(keys: Mapping[str, str]) -> str:
    """How a job elects among its JobManagers, by Flink's new key or its old one: `kubernetes`, `zookeeper`, or `none`."""
    found = keys.get("high-availability.type") or keys.get("high-availability") or "none"
    return found.strip().lower()
