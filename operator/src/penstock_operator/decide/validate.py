"""Validation of a spec: every check says what is wrong, in which field, and what to do. Pure; the first problem counts.

Called by `observe/` for each loop; the checks are upstream's in upstream's order, then Penstock's own.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from penstock_api.keys import MAX_PARALLELISM
from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment, FlinkDeploymentSpec, JobNamespaceMode
from penstock_operator.configuration.option import Scope
from penstock_operator.configuration.options import OPTIONS
from penstock_operator.configuration.values import Values, problems
from penstock_operator.decide.specs import decode_spec
from penstock_operator.decide.validate_autoscaler import check_autoscaler
from penstock_operator.decide.validate_flink import changed_mode, check_flink
from penstock_operator.decide.validate_keys import check_keys
from penstock_operator.decide.validate_resources import check_resources, refuse
from penstock_operator.decide.validate_sources import check_sources
from penstock_operator.decide.validate_state import check_state
from penstock_operator.decide.validate_templates import check_templates
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import SLOTS_KEY, namespace_mode

NAME = re.compile(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?")
FORBIDDEN_KEYS = ("kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id")
LOG_FILES = ("log4j-console.properties", "logback-console.xml")
PROGRAM_SCHEMES = ("local", "file", "s3", "s3a", "s3p", "http", "https", "configmap", "")
_DYNAMIC = {option.name for option in OPTIONS if option.scope is Scope.DYNAMIC}
_INGRESS_ADDRESS = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*://)?([A-Za-z0-9*]([-A-Za-z0-9.]*[A-Za-z0-9])?(:\d+)?)?(/[^\s]*)?"
)


def validate(resource: FlinkDeployment) -> tuple[Problem, ...]:
    """Everything that is wrong with the wanted spec."""
    unreadable = tuple(check_templates(resource))
    return unreadable or tuple(problem for check in CHECKS for problem in check(resource))


def _engine(resource: FlinkDeployment) -> Iterator[Problem]:
    if resource.spec.effective_engine is Engine.FLINK:
        yield Problem(Reason.ENGINE_NOT_AVAILABLE, Reason.ENGINE_NOT_AVAILABLE.sentence)


def _name(resource: FlinkDeployment) -> Iterator[Problem]:
    name = resource.metadata.name
    if not NAME.fullmatch(name):
        yield refuse(
            f"metadata.name {name!r} must be at most 45 lower-case letters, digits and '-', beginning with a letter"
        )


def _configuration(resource: FlinkDeployment) -> Iterator[Problem]:
    keys = flatten_configuration(resource.spec.flink_configuration)
    for key in FORBIDDEN_KEYS:
        if key in keys:
            yield refuse(f"spec.flinkConfiguration[{key}] is set by the operator: remove it")
    slots = keys.get(SLOTS_KEY, "1")
    if not slots.isdigit() or int(slots) < 1:
        yield refuse(f"spec.flinkConfiguration[{SLOTS_KEY}] is {slots!r}: set it to 1 or more")
    for problem in problems({name: keys[name] for name in _DYNAMIC & keys.keys()}):
        yield refuse(f"spec.flinkConfiguration{problem}")
    values = Values(keys)
    if values.boolean("cluster.health-check.enabled") and not values.boolean(
        "jm-deployment-recovery.enabled"
    ):
        yield refuse(
            "spec.flinkConfiguration[kubernetes.operator.cluster.health-check.enabled] is true and "
            "[kubernetes.operator.jm-deployment-recovery.enabled] is false: a restart needs the recovery, so enable it"
        )
    for option in resource.spec.log_configuration:
        if option not in LOG_FILES:
            yield refuse(f"spec.logConfiguration[{option}] is not known: use {' or '.join(LOG_FILES)}")


def _duration(path: str, text: str) -> Iterator[Problem]:
    try:
        parse_duration(text)
    except ValueError as error:
        yield refuse(f"{path}: {error}")


def _job(resource: FlinkDeployment) -> Iterator[Problem]:
    spec = resource.spec
    if spec.job is None:  # a session cluster
        if spec.is_warm:
            yield refuse(
                "spec.upgradeStrategy Warm is for a job of its own cluster: a session cluster has none"
            )
        return
    uri = spec.job.jar_uri
    if not uri:
        yield refuse("spec.job.jarURI is missing: set it to the program, as in local:///opt/job.py")
    elif urlsplit(uri).scheme not in PROGRAM_SCHEMES:
        yield refuse(f"spec.job.jarURI {uri!r}: use local://, file://, s3://, http(s):// or configmap://")
    replicas = spec.task_manager.replicas if spec.task_manager else None
    if replicas is None and spec.job.parallelism < 1:
        yield refuse(f"spec.job.parallelism is {spec.job.parallelism}: set it to 1 or more")
    if spec.job.parallelism > MAX_PARALLELISM:
        yield refuse(
            f"spec.job.parallelism is {spec.job.parallelism}: a job has at most {MAX_PARALLELISM} key groups"
        )


def _ingress(resource: FlinkDeployment) -> Iterator[Problem]:
    ingress = resource.spec.ingress
    if ingress is None:
        return
    if not ingress.template:
        yield refuse(
            "spec.ingress.template is missing: set it to a host and path, as in {{name}}.{{namespace}}.example.com"
        )
        return
    meta = resource.metadata
    text = ingress.template.replace("{{name}}", meta.name).replace("{{namespace}}", meta.namespace)
    if not _INGRESS_ADDRESS.fullmatch(text):
        yield refuse(
            f"spec.ingress.template {ingress.template!r} gives {text!r}, which is no host, host with path, or path: "
            "only {{name}} and {{namespace}} are filled in"
        )


def _autoscaler(resource: FlinkDeployment) -> Iterator[Problem]:
    yield from check_autoscaler(flatten_configuration(resource.spec.flink_configuration))


def _flink(resource: FlinkDeployment) -> Iterator[Problem]:
    if resource.spec.effective_engine is Engine.FLINK:
        yield from check_flink(resource)


def _deletion(resource: FlinkDeployment) -> Iterator[Problem]:
    deletion = resource.spec.deletion
    if deletion is not None and deletion.deadline:
        yield from _duration("spec.deletion.deadline", deletion.deadline)
    cleanup = resource.spec.cleanup_policy
    if cleanup is not None and cleanup.delay:
        yield from _duration("spec.cleanupPolicy.delay", cleanup.delay)


def _volumes(resource: FlinkDeployment) -> Iterator[Problem]:
    spec = resource.spec
    keys = flatten_configuration(spec.flink_configuration)
    if namespace_mode(spec, keys) is not JobNamespaceMode.DEDICATED:
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
        yield refuse("spec.job cannot be added or removed: make another resource")
    if deployed.effective_engine is not resource.spec.effective_engine:
        yield refuse("spec.engine cannot be changed: make another resource")
    is_flink = resource.spec.effective_engine is Engine.FLINK
    if is_flink and changed_mode(deployed.mode, resource.spec.mode):
        yield refuse("spec.mode cannot be changed between native and standalone: make another resource")
    if deployed.effective_namespace_mode is not resource.spec.effective_namespace_mode:
        yield refuse("spec.jobNamespaces.mode cannot be changed: make another resource")


CHECKS: tuple[Callable[[FlinkDeployment], Iterator[Problem]], ...] = (
    _engine,
    _name,
    check_sources,
    _configuration,
    _job,
    check_keys,
    check_state,
    check_resources,
    _ingress,
    _autoscaler,
    _deletion,
    _volumes,
    _switch,
    _flink,
)
