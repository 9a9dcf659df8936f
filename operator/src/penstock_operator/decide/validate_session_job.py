"""Validation of a FlinkSessionJob: by itself, and with its session cluster where that is known. Pure.

Called by the loop and by the webhook. `defaults` are the layers of configuration below the resource's own.
"""

import json
from collections.abc import Iterator, Mapping

from penstock_api.keys import MAX_PARALLELISM
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob, FlinkSessionJobSpec
from penstock_operator.configuration.values import Values
from penstock_operator.decide.validate import NAME
from penstock_operator.decide.validate_artifact import Resolve, check_artifact
from penstock_operator.decide.validate_autoscaler import check_autoscaler
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.decide.validate_state import check_directories, check_redeployment
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import with_defaults


def validate_session_job(
    resource: FlinkSessionJob,
    session: FlinkDeployment | None,
    defaults: Mapping[str, str],
    resolve: Resolve | None = None,
) -> tuple[Problem, ...]:
    """Everything that is wrong with the wanted spec; `session` is None where the cluster is not there (yet).

    Where a program may come from is said by `defaults` alone: the resource must not allow itself more.
    """
    return tuple(_problems(resource, session, defaults, resolve))


def _problems(
    resource: FlinkSessionJob,
    session: FlinkDeployment | None,
    defaults: Mapping[str, str],
    resolve: Resolve | None,
) -> Iterator[Problem]:
    spec = resource.spec
    keys = {**defaults, **flatten_configuration(spec.flink_configuration)}
    if not spec.deployment_name or not NAME.fullmatch(spec.deployment_name):
        yield refuse(
            f"spec.deploymentName is {spec.deployment_name!r}: set it to the FlinkDeployment of a session cluster"
        )
    before = decode_session_spec(resource.status.reconciliation_status.last_reconciled_spec)
    if before is not None and before.deployment_name != spec.deployment_name:
        yield refuse(
            f"spec.deploymentName cannot be changed (from {before.deployment_name!r}): make another resource"
        )
    if spec.job is None:
        yield refuse("spec.job is missing: set it to the job")
        return
    if spec.job.jar_uri:
        yield from check_artifact(spec.job.jar_uri, Values(defaults), resolve)
    if spec.job.parallelism < 1:
        yield refuse(f"spec.job.parallelism is {spec.job.parallelism}: set it to 1 or more")
    if spec.job.parallelism > MAX_PARALLELISM:
        yield refuse(
            f"spec.job.parallelism is {spec.job.parallelism}: a job has at most {MAX_PARALLELISM} key groups"
        )
    yield from check_autoscaler(keys)
    if session is not None:
        yield from _in_session(resource, session, defaults, before)


def _in_session(
    resource: FlinkSessionJob,
    session: FlinkDeployment,
    defaults: Mapping[str, str],
    before: FlinkSessionJobSpec | None,
) -> Iterator[Problem]:
    name, job = session.metadata.name, resource.spec.job
    if session.spec.job is not None:
        yield refuse(
            f"spec.deploymentName {name!r} is an application cluster: name a FlinkDeployment without spec.job"
        )
        return
    if job is None:
        return
    merged = with_defaults(session.spec, defaults)
    own = flatten_configuration(resource.spec.flink_configuration)
    cluster = flatten_configuration(merged.flink_configuration)
    full = merged.model_copy(update={"flink_configuration": {**cluster, **own}})
    old = before.job if before else None
    yield from check_directories(full, job, old)
    yield from check_redeployment(job, old)


def decode_session_spec(text: str | None) -> FlinkSessionJobSpec | None:
    """The spec that the status keeps as JSON, in either of upstream's forms; None if there is none."""
    if not text:
        return None
    body = json.loads(text)
    return FlinkSessionJobSpec.from_wire(body.get("spec", body))
