"""All facts of one resource. Called by `reconcile/loop.py` once a turn; reads the cluster, the job, and storage if due."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_operator.configuration.values import client_seconds
from penstock_operator.decide.autoscaling import overlay
from penstock_operator.decide.refresh import is_news
from penstock_operator.decide.restore import redeploy_path, wants_state
from penstock_operator.decide.scaling import wants_vertices
from penstock_operator.decide.specs import decode_spec
from penstock_operator.decide.validate import validate
from penstock_operator.decide.warm import first_launch, waiting_launch, wants_room
from penstock_operator.model.facts import Facts, JobFacts, Problem, RoomFacts, StateFacts
from penstock_operator.model.job_id import new_job_id
from penstock_operator.model.launch import with_defaults
from penstock_operator.observe.checkpoints import is_whole, observe_named, observe_state
from penstock_operator.observe.job import observe_job
from penstock_operator.observe.session import observe_session
from penstock_operator.observe.warm import observe_waiting
from penstock_operator.platforms.port import Platform


def observe(
    platform: Platform,
    resource: FlinkDeployment,
    now: Callable[[], float] = time.time,
    autoscaler: AutoscalerStatus | None = None,
) -> Facts:
    """The facts. What the platform cannot say raises; a job that does not answer is a fact."""
    defaults = platform.defaults(resource.metadata.namespace)
    full = resource.model_copy(update={"spec": with_defaults(resource.spec, defaults)})
    problems = validate(full)
    if not problems and resource.metadata.deletion_timestamp is None:
        problems = platform.refusals(full) or _lacking(full, platform)
    cluster = platform.observe(resource)
    ran = _ran(resource, defaults)
    scaled = resource.model_copy(update={"spec": overlay(resource.spec, autoscaler)})
    seconds = client_seconds(defaults)
    job = observe_job(cluster.rest_url, resource.status, seconds, with_vertices=wants_vertices(scaled))
    if resource.spec.job is None:
        job = observe_session(cluster.rest_url, seconds)
    moment = int(now() * 1000)
    newest = job.last_checkpoint
    # Where there is no news nothing is read: a job at rest costs its storage a look a minute.
    if newest is not None and is_news(newest, resource.status, moment):
        job = _checked(job, ran or full, platform, seconds)
    state = StateFacts()
    if (
        resource.spec.job is not None
        and wants_state(scaled, cluster, job)
        and not (problems and resource.status.job_status.job_id is None)
    ):
        starts = ran if problems and ran is not None else full  # what a refused spec names counts for nothing
        state = observe_state(starts, platform.storage(starts).keys, ran.spec if ran is not None else None)
    facts = Facts(
        resource=resource,
        now=moment,
        cluster=cluster,
        job=job,
        state=state,
        problems=problems,
        defaults=defaults,
        autoscaler=autoscaler,
        new_id=new_job_id(resource.metadata.uid or ""),
    )
    return _with_warm(facts, platform, scaled.spec)


def _ran(resource: FlinkDeployment, defaults: Mapping[str, str]) -> FlinkDeployment | None:
    """The resource with the spec that ran last, whose state is where that says; None before the first."""
    spec = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    return None if spec is None else resource.model_copy(update={"spec": with_defaults(spec, defaults)})


def _with_warm(facts: Facts, platform: Platform, wanted: FlinkDeploymentSpec) -> Facts:
    """What a warm upgrade needs to know: of the pods that wait, or whether there is room for some."""
    launch, seen = waiting_launch(facts), facts.cluster.beside
    if seen is not None and launch is not None:
        waiting = observe_waiting(seen, launch.task_managers)
        return replace(facts, cluster=replace(facts.cluster, beside=waiting))
    if not wants_room(facts, wanted):
        return facts
    trial = first_launch(facts, wanted)
    return replace(facts, room=RoomFacts(platform.room(facts.resource, trial)))


def _lacking(resource: FlinkDeployment, platform: Platform) -> tuple[Problem, ...]:
    """What a redeployment would not find: told while the job still runs, which goes on."""
    path = redeploy_path(resource)
    problem = observe_named(path, platform.storage(resource).keys).problem if path else None
    return (problem,) if problem is not None else ()


def _checked(job: JobFacts, resource: FlinkDeployment, platform: Platform, seconds: float) -> JobFacts:
    """The newest checkpoint as storage has it. One that has gone because a newer came is no news any more."""
    newest = job.last_checkpoint
    if newest is None or is_whole(newest.path, platform.storage(resource).keys):
        return job
    url = platform.observe(resource).rest_url
    is_still_newest = observe_job(url, resource.status, seconds).last_checkpoint == newest
    return replace(job, last_checkpoint=replace(newest, is_complete=False) if is_still_newest else None)
