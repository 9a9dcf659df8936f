"""Carries out the actions of a plan, in order. Called by `reconcile/loop.py` after the plan's status was written.

Every action may be repeated after a crash. A failure raises `OperatorError` and the rest of the plan is not done; the
next turn decides anew.
"""

import structlog

from penstock_api.reasons import Reason
from penstock_api.rest.job import ParallelismBounds, VertexRequirements
from penstock_api.rest.trigger import CheckpointTriggerRequest, SavepointTriggerRequest, StopRequest
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.act import failpoints
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.clients.flink_snapshots import SnapshotRest
from penstock_operator.configuration.values import client_seconds
from penstock_operator.errors import ExternalError
from penstock_operator.model.plan import (
    Action,
    CancelJob,
    DeleteResource,
    Deploy,
    Hold,
    KeepRevision,
    Prepare,
    RefreshCopies,
    Release,
    Remove,
    Rescale,
    Retire,
    SetTaskManagers,
    Stop,
    TakeSnapshot,
    TriggerCheckpoint,
    TriggerSavepoint,
)
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)

SECONDS = 10.0
"""A JobManager that shall do something is waited for so long at least."""


class Executor:
    """Acts on one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def act(self, action: Action, resource: FlinkDeployment, rest_url: str | None) -> FlinkDeployment:
        """Do it; returns the resource, which an action may have given a new version."""
        revised = self._act(action, resource, rest_url)
        failpoints.reached(type(action).__name__)
        return revised

    def _act(self, action: Action, resource: FlinkDeployment, rest_url: str | None) -> FlinkDeployment:
        match action:
            case Hold():
                return self._platform.hold(resource)
            case Release() | DeleteResource() | KeepRevision():
                self._about_the_resource(action, resource)
            case Deploy() | Prepare() | Retire() | Stop() | Remove() | RefreshCopies():
                self._about_processes(action, resource)
            case TriggerSavepoint() | TriggerCheckpoint():
                _trigger(action, rest_url, self._seconds(resource))
            case TakeSnapshot():
                self._platform.take_snapshot(resource, action)
            case CancelJob(job_id=job_id):
                _cancel(job_id, rest_url, self._seconds(resource))
            case Rescale():
                _rescale(action, rest_url, self._seconds(resource))
            case SetTaskManagers(launch=launch, count=count, idle=idle):
                self._platform.scale(resource, launch, count, idle)
        return resource

    def _seconds(self, resource: FlinkDeployment) -> float:
        return client_seconds(self._platform.defaults(resource.metadata.namespace), SECONDS)

    def _about_processes(
        self, action: Deploy | Prepare | Retire | Stop | Remove | RefreshCopies, resource: FlinkDeployment
    ) -> None:
        match action:
            case Deploy(launch=launch):
                self._platform.deploy(resource, launch)
                if launch.cluster:
                    _tell(launch.from_savepoint, self._platform.word_url(resource))
            case Prepare(launch=launch):
                self._platform.prepare(resource, launch)
            case Retire(cluster=cluster, rest=rest):
                self._platform.retire(resource, cluster, rest)
            case Stop():
                self._platform.stop(resource)
            case Remove():
                self._platform.remove(resource)
            case RefreshCopies():
                self._platform.refresh_copies(resource)

    def _about_the_resource(
        self, action: Release | DeleteResource | KeepRevision, resource: FlinkDeployment
    ) -> None:
        match action:
            case Release():
                self._platform.release(resource)
            case DeleteResource():
                self._platform.dismiss(resource)
            case KeepRevision(number=number, spec=spec, kept=kept):
                self._platform.keep_revision(resource, number, spec, kept)


def _trigger(action: TriggerSavepoint | TriggerCheckpoint, rest_url: str | None, seconds: float) -> None:
    if rest_url is None:
        raise JobManagerSilent("the JobManager has no address, so no savepoint can be asked for")
    if isinstance(action, TriggerCheckpoint):
        _ask_for_checkpoint(action, rest_url, seconds)
        return
    try:
        with FlinkRest(rest_url, timeout=seconds) as rest:
            _ask(rest, action)
    except RequestRefused as refusal:
        reason = Reason.SAVEPOINT_FAILED if action.stop else Reason.SAVEPOINT_ERROR
        raise ExternalError(reason, f"{reason.sentence} ({refusal.message})") from refusal


def _ask_for_checkpoint(action: TriggerCheckpoint, rest_url: str, seconds: float) -> None:
    wanted = CheckpointTriggerRequest(checkpoint_type=action.checkpoint_type, trigger_id=action.trigger_id)
    try:
        with SnapshotRest(rest_url, timeout=seconds) as rest:
            rest.trigger_checkpoint(action.job_id, wanted)
    except RequestRefused as refusal:
        reason = Reason.CHECKPOINT_ERROR
        raise ExternalError(reason, f"{reason.sentence} ({refusal.message})") from refusal


def _tell(path: str | None, url: str | None) -> None:
    """The word, at once; one that does not hear it reads it where the deploy has put it, or is told again."""
    if url is None:
        return
    try:
        with FlinkRest(url, timeout=SECONDS) as rest:
            rest.tell(path)
    except (JobManagerSilent, RequestRefused) as error:
        log.warning("the JobManager was not told to start", url=url, error=error.message)


def _cancel(job_id: str, rest_url: str | None, seconds: float) -> None:
    if rest_url is None:
        raise JobManagerSilent("the JobManager has no address, so the job cannot be cancelled")
    with FlinkRest(rest_url, timeout=seconds) as rest:
        rest.cancel(job_id)


def _rescale(action: Rescale, rest_url: str | None, seconds: float) -> None:
    if rest_url is None:
        raise JobManagerSilent("the JobManager has no address, so the job cannot be scaled")
    wanted = {
        each.vertex: VertexRequirements(
            parallelism=ParallelismBounds(lower_bound=each.lower, upper_bound=each.upper)
        )
        for each in action.bounds
    }
    try:
        with FlinkRest(rest_url, timeout=seconds) as rest:
            rest.require(action.job_id, wanted)
    except RequestRefused as refusal:
        reason = Reason.SCALING_FAILED
        raise ExternalError(reason, f"{reason.sentence} ({refusal.message})") from refusal


def _ask(rest: FlinkRest, action: TriggerSavepoint) -> None:
    if action.stop:
        stop = StopRequest(
            drain=action.drain,
            target_directory=action.directory,
            format_type=action.format_type,
            trigger_id=action.trigger_id,
        )
        rest.stop(action.job_id, stop)
    else:
        request = SavepointTriggerRequest(
            target_directory=action.directory,
            format_type=action.format_type,
            trigger_id=action.trigger_id,
        )
        rest.trigger_savepoint(action.job_id, request)
