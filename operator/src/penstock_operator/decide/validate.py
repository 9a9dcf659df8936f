"""Validation of a spec: every check says what is wrong, in which field, and what to do. Pure; the first problem counts.

Called by `observe/` for each loop; the checks are upstream's in upstream's order, then Penstock's own.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment, FlinkDeploymentSpec, JobNamespaceMode
from penstock_api.v1beta1.job import UpgradeMode
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import SLOTS_KEY, checkpoint_directory, savepoint_directory

NAME = re.compile(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?")
FORBIDDEN_KEYS = ("kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id")
LOG_FILES = ("log4j-console.properties", "logback-console.xml")
PROGRAM_SCHEMES = ("local", "file", "s3", "s3a", "s3p", "http", "https", "configmap", "")
QUANTITY = re.compile(r"(\d+(\.\d*)?|\.\d+)\s*(e\d+|[numkKMGTPE]i?|[kmgt]b?)?", re.IGNORECASE)
DURATION_OPTIONS = (
    "savepoint.trigger.grace-period",
    "resource.cleanup.timeout",
    "jm-deployment.shutdown-ttl",
)


def validate(resource: FlinkDeployment) -> tuple[Problem, ...]:
    """Everything that is wrong with the wanted spec."""
    return tuple(problem for check in CHECKS for problem in check(resource))


def _refuse(message: str) -> Problem:
    return Problem(Reason.VALIDATION_ERROR, message)


def _engine(resource: FlinkDeployment) -> Iterator[Problem]:
    if resource.spec.effective_engine is Engine.FLINK:
        yield Problem(Reason.ENGINE_NOT_AVAILABLE, Reason.ENGINE_NOT_AVAILABLE.sentence)


def _name(resource: FlinkDeployment) -> Iterator[Problem]:
    name = resource.metadata.name
    if not NAME.fullmatch(name):
        yield _refuse(
            f"metadata.name {name!r} must be at most 45 lower-case letters, digits and '-', beginning with a letter"
        )


def _configuration(resource: FlinkDeployment) -> Iterator[Problem]:
    keys = flatten_configuration(resource.spec.flink_configuration)
    for key in FORBIDDEN_KEYS:
        if key in keys:
            yield _refuse(f"spec.flinkConfiguration[{key}] is set by the operator: remove it")
    slots = keys.get(SLOTS_KEY, "1")
    if not slots.isdigit() or int(slots) < 1:
        yield _refuse(f"spec.flinkConfiguration[{SLOTS_KEY}] is {slots!r}: set it to 1 or more")
    for option in DURATION_OPTIONS:
        text = keys.get(f"kubernetes.operator.{option}")
        if text:
            yield from _duration(f"spec.flinkConfiguration[kubernetes.operator.{option}]", text)
    for option in resource.spec.log_configuration:
        if option not in LOG_FILES:
            yield _refuse(f"spec.logConfiguration[{option}] is not known: use {' or '.join(LOG_FILES)}")


def _duration(path: str, text: str) -> Iterator[Problem]:
    try:
        parse_duration(text)
    except ValueError as error:
        yield _refuse(f"{path}: {error}")


def _job(resource: FlinkDeployment) -> Iterator[Problem]:
    spec = resource.spec
    if spec.job is None:
        yield _refuse("spec.job is missing: session clusters are not available yet, so set spec.job")
        return
    uri = spec.job.jar_uri
    if not uri:
        yield _refuse("spec.job.jarURI is missing: set it to the program, as in local:///opt/job.py")
    elif urlsplit(uri).scheme not in PROGRAM_SCHEMES:
        yield _refuse(f"spec.job.jarURI {uri!r}: use local://, file://, s3://, http(s):// or configmap://")
    replicas = spec.task_manager.replicas if spec.task_manager else None
    if replicas is None and spec.job.parallelism < 1:
        yield _refuse(f"spec.job.parallelism is {spec.job.parallelism}: set it to 1 or more")
    if replicas is not None and replicas < 1:
        yield _refuse(f"spec.taskManager.replicas is {replicas}: set it to 1 or more")


def _state(resource: FlinkDeployment) -> Iterator[Problem]:
    spec = resource.spec
    if spec.job is None or spec.job.upgrade_mode is UpgradeMode.STATELESS:
        return
    if checkpoint_directory(spec) is None:
        yield _refuse(
            f"spec.flinkConfiguration[state.checkpoints.dir] is missing: upgradeMode {spec.job.upgrade_mode} needs it"
        )
    if spec.job.upgrade_mode is UpgradeMode.SAVEPOINT and savepoint_directory(spec) is None:
        yield _refuse(
            "spec.flinkConfiguration[state.savepoints.dir] is missing: upgradeMode savepoint needs it"
        )


def _nonces(resource: FlinkDeployment) -> Iterator[Problem]:
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    new = resource.spec.job
    old = deployed.job if deployed else None
    if new is None or old is None:
        return
    redeploys = new.savepoint_redeploy_nonce not in (None, old.savepoint_redeploy_nonce)
    if redeploys and not new.initial_savepoint_path:
        yield _refuse("spec.job.savepointRedeployNonce changed: set spec.job.initialSavepointPath as well")
    triggers = new.savepoint_trigger_nonce not in (None, old.savepoint_trigger_nonce)
    if triggers and savepoint_directory(resource.spec) is None:
        yield _refuse(
            "spec.job.savepointTriggerNonce changed: set spec.flinkConfiguration[state.savepoints.dir] as well"
        )


def _sizes(resource: FlinkDeployment) -> Iterator[Problem]:
    manager = resource.spec.job_manager
    if manager is not None and manager.replicas != 1:
        yield _refuse(
            f"spec.jobManager.replicas is {manager.replicas}: standby JobManagers are not available yet"
        )
    for path, part in (("jobManager", manager), ("taskManager", resource.spec.task_manager)):
        if part is not None and part.resource is not None:
            yield from _resource(f"spec.{path}.resource", part.resource.cpu, part.resource.memory)


def _resource(path: str, cpu: float | None, memory: str | None) -> Iterator[Problem]:
    if cpu is not None and cpu <= 0:
        yield _refuse(f"{path}.cpu is {cpu}: set it to more than 0")
    if memory is not None and not QUANTITY.fullmatch(memory.strip()):
        yield _refuse(f"{path}.memory {memory!r} is not a size: write it as 1024m or 1Gi")


def _deletion(resource: FlinkDeployment) -> Iterator[Problem]:
    deletion = resource.spec.deletion
    if deletion is not None and deletion.deadline:
        yield from _duration("spec.deletion.deadline", deletion.deadline)


def _volumes(resource: FlinkDeployment) -> Iterator[Problem]:
    spec = resource.spec
    if spec.effective_namespace_mode is not JobNamespaceMode.DEDICATED:
        return
    for claim in _claims(spec):
        yield Problem(
            Reason.VOLUME_NEEDS_SHARED_NAMESPACE,
            f"The pod template names the PersistentVolumeClaim {claim!r}. "
            f"{Reason.VOLUME_NEEDS_SHARED_NAMESPACE.sentence}",
        )


def _claims(spec: FlinkDeploymentSpec) -> Iterator[str]:
    templates = [spec.pod_template]
    templates += [part.pod_template for part in (spec.job_manager, spec.task_manager) if part is not None]
    for template in templates:
        body: Any = (template or {}).get("spec") or {}
        for volume in body.get("volumes") or []:
            claim = volume.get("persistentVolumeClaim")
            if claim:
                yield str(claim.get("claimName", ""))


def _switch(resource: FlinkDeployment) -> Iterator[Problem]:
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    if deployed is None:
        return
    if (deployed.job is None) != (resource.spec.job is None):
        yield _refuse("spec.job cannot be added or removed: make another resource")
    if deployed.effective_engine is not resource.spec.effective_engine:
        yield _refuse("spec.engine cannot be changed: make another resource")
    if deployed.effective_namespace_mode is not resource.spec.effective_namespace_mode:
        yield _refuse("spec.jobNamespaces.mode cannot be changed: make another resource")


CHECKS: tuple[Callable[[FlinkDeployment], Iterator[Problem]], ...] = (
    _engine,
    _name,
    _configuration,
    _job,
    _state,
    _nonces,
    _sizes,
    _deletion,
    _volumes,
    _switch,
)
