"""Validation of where state goes and comes from: directories, nonces, snapshots by time. Called by `validate.py`. Pure."""

from collections.abc import Iterator

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobSpec, JobState, UpgradeMode
from penstock_operator.configuration.values import Values
from penstock_operator.decide.specs import decode_spec
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import checkpoint_directory, savepoint_directory

_SAVEPOINTS = "spec.flinkConfiguration[state.savepoints.dir]"
_AGE = "job.upgrade.last-state.max.allowed.checkpoint.age"


def check_state(resource: FlinkDeployment) -> Iterator[Problem]:
    """Directories that the wanted spec needs, and those that the change from the deployed one needs."""
    if resource.spec.job is None:
        return
    deployed = decode_spec(resource.status.reconciliation_status.last_reconciled_spec)
    before = deployed.job if deployed else None
    yield from check_directories(resource.spec, resource.spec.job, before)
    yield from check_redeployment(resource.spec.job, before)


def check_directories(spec: FlinkDeploymentSpec, job: JobSpec, before: JobSpec | None) -> Iterator[Problem]:
    """`spec` carries the configuration, with every layer below; `before` is the job as it was reconciled last."""
    if job.upgrade_mode is not UpgradeMode.STATELESS and checkpoint_directory(spec) is None:
        yield refuse(
            f"spec.flinkConfiguration[state.checkpoints.dir] is missing: upgradeMode {job.upgrade_mode} needs it"
        )
    if savepoint_directory(spec) is not None:
        return
    is_running = before is not None and before.state is JobState.RUNNING
    if is_running and job.upgrade_mode is UpgradeMode.SAVEPOINT:
        yield refuse(f"{_SAVEPOINTS} is missing: upgradeMode savepoint needs it to change a job that runs")
    nonces = (job.savepoint_trigger_nonce, before.savepoint_trigger_nonce if before else None)
    if is_running and nonces[0] is not None and nonces[0] != nonces[1]:
        yield refuse(f"spec.job.savepointTriggerNonce changed: set {_SAVEPOINTS} as well")
    values = Values(flatten_configuration(spec.flink_configuration))
    for key in ("periodic.savepoint.interval", _AGE):
        if values.text(key):
            yield refuse(
                f"spec.flinkConfiguration[kubernetes.operator.{key}] is set: set {_SAVEPOINTS} as well"
            )


def check_redeployment(job: JobSpec, before: JobSpec | None) -> Iterator[Problem]:
    """A redeployment says from where."""
    if before is None:
        return
    is_new = job.savepoint_redeploy_nonce not in (None, before.savepoint_redeploy_nonce)
    if is_new and not job.initial_savepoint_path:
        yield refuse("spec.job.savepointRedeployNonce changed: set spec.job.initialSavepointPath as well")
