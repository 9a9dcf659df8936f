"""Removes snapshots that a job's owner does not want to keep any longer. Called by the snapshots' loop as each completes."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, JobReferenceKind
from penstock_api.v1beta1.status import FlinkJobState
from penstock_operator.configuration.values import Values
from penstock_operator.decide.snapshot.history import Keeping, removable
from penstock_operator.decide.snapshot.labels import JOB_KIND, JOB_NAME
from penstock_operator.model.launch import with_defaults
from penstock_operator.platforms.port import Platform

log = structlog.get_logger(__name__)

_RETAINED = ("execution.checkpointing.num-retained", "state.checkpoints.num-retained")
_DAY = timedelta(days=1)


class Shelf(Protocol):
    """Where the resources are."""

    def list(self, namespace: str, selector: str = "") -> Sequence[FlinkStateSnapshot]:
        """Those that the selector chooses."""

    def delete(self, resource: FlinkStateSnapshot) -> None:
        """Ask for its end."""


class SnapshotHistory:
    """Tidies up beside a snapshot of a job that runs."""

    def __init__(self, shelf: Shelf, jobs: dict[JobReferenceKind, Platform]) -> None:
        self._shelf = shelf
        self._jobs = jobs

    def tidy(self, snapshot: FlinkStateSnapshot, job: FlinkDeployment) -> None:
        """Remove what may go; nothing while the job does not run."""
        reference, namespace = snapshot.spec.job_reference, snapshot.metadata.namespace
        if reference is None or reference.kind is None:
            return
        if (
            job.status.job_status.state is not FlinkJobState.RUNNING
            or job.spec.effective_engine is Engine.FLINK
        ):
            return  # what another operator keeps of a Flink job is its to remove
        installed = self._jobs[reference.kind].defaults(namespace)
        keys = flatten_configuration(with_defaults(job.spec, installed).flink_configuration)
        if not Values(keys).boolean("savepoint.cleanup.enabled"):
            return
        selector = f"{JOB_KIND}={reference.kind.value},{JOB_NAME}={reference.name}"
        siblings = self._shelf.list(namespace, selector)
        keeping = keeping_of(keys, Values(dict(installed)))
        in_use = job.status.job_status.upgrade_savepoint_path
        for each in removable(siblings, keeping, int(time.time() * 1000), in_use):
            log.info("removing an old snapshot", resource=f"{namespace}/{each.metadata.name}")
            self._shelf.delete(each)


def keeping_of(keys: dict[str, str], installed: Values) -> Keeping:
    """What the job's options say, within the limits of the installation."""
    values = Values(keys)
    count, age = values.integer("savepoint.history.max.count"), values.duration("savepoint.history.max.age")
    most, longest = (
        installed.integer("savepoint.history.max.count.threshold"),
        installed.duration("savepoint.history.max.age.threshold"),
    )
    counts = [each for each in (count, most) if each is not None]
    ages = [each for each in (age, longest) if each is not None]
    retained = next((keys[key] for key in _RETAINED if keys.get(key, "").isdigit()), "1")
    return Keeping(
        savepoints=max(1, min(counts, default=10)),
        age=min(ages, default=_DAY),
        checkpoints=max(1, int(retained)),
    )
