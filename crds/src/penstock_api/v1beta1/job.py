"""`spec.job`: which program runs, how wide, from which state, and how it is upgraded.

Part of FlinkDeployment (application clusters) and of FlinkSessionJob. `jarURI` is `local://` or `file://` (in the
image, or on this machine), `s3://`, `http(s)://` or `configmap://name/key`; it may be a Python file or a project.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from penstock_api.v1beta1.cost import Cost, WhenSet, WhenStandalone
from penstock_api.v1beta1.model import ApiModel


class JobState(StrEnum):
    """What the owner wants."""

    RUNNING = "running"
    SUSPENDED = "suspended"


class UpgradeMode(StrEnum):
    """What happens to the state when the job is stopped to be changed."""

    STATELESS = "stateless"
    """It is thrown away."""
    SAVEPOINT = "savepoint"
    """The job stops with a savepoint and starts from it."""
    LAST_STATE = "last-state"
    """The job starts from its newest checkpoint or savepoint."""


class StopPolicy(StrEnum):
    """How the job is stopped to be changed or suspended."""

    SAVEPOINT = "savepoint"
    """With a savepoint."""
    CHECKPOINT = "checkpoint"
    """Without one: its newest checkpoint is what it leaves, taken afresh where it would be too old."""
    NONE = "none"
    """At once; whatever state is on storage stays there."""


class RestorePolicy(StrEnum):
    """What the next start restores."""

    LATEST = "latest"
    """The newest of savepoints and checkpoints."""
    SAVEPOINT = "savepoint"
    """The newest savepoint, also where a checkpoint is newer."""
    NONE = "none"
    """Nothing: a new line of state begins."""


class JobSpec(ApiModel):
    """The job."""

    jar_uri: str | None = Field(default=None, alias="jarURI")
    """URI of the program: a Python file, a project or an archive."""
    entry_class: str | None = None
    """Module or class whose main is run; unset, the program says."""
    args: list[str] = Field(default_factory=list)
    """Arguments of the program."""
    parallelism: Annotated[int, WhenStandalone(Cost.SCALE)] = 0
    """Parallelism of the job; overridden by `taskManager.replicas`."""
    state: JobState = JobState.RUNNING
    """Whether the job shall run."""
    upgrade_mode: Annotated[UpgradeMode, Cost.IGNORE] = UpgradeMode.STATELESS
    """What happens to the state in an upgrade."""
    allow_non_restored_state: Annotated[bool | None, Cost.IGNORE] = None
    """Whether state that no operator of the program claims may be dropped."""
    initial_savepoint_path: Annotated[str | None, Cost.IGNORE] = None
    """Savepoint of the first deployment, and of a redeployment by `savepointRedeployNonce`."""
    savepoint_trigger_nonce: Annotated[int | None, Cost.IGNORE] = None
    """A new value takes a savepoint."""
    checkpoint_trigger_nonce: Annotated[int | None, Cost.IGNORE] = None
    """A new value takes a checkpoint."""
    savepoint_redeploy_nonce: Annotated[int | None, WhenSet(Cost.SAVEPOINT_REDEPLOY)] = None
    """A new value starts the job again from `initialSavepointPath`."""
    autoscaler_reset_nonce: Annotated[int | None, Cost.IGNORE] = None
    """A new value forgets what the autoscaler has learnt."""
    requirements: str | None = None
    """URI of a requirements file, of a zip of wheels or of a zip of packages; installed for main and for every slot."""
    archives: list[str] = Field(default_factory=list)
    """URIs of zip and tar files, as `URI` or `URI#folder`: unpacked into the working directory of main and of every slot."""
    allow_empty_state: Annotated[bool | None, Cost.IGNORE] = None
    """Whether a job that has run with state may start without it when none is found."""
    stop_policy: Annotated[StopPolicy | None, Cost.IGNORE] = None
    """How the job is stopped; unset, as the upgrade mode says: savepoint, checkpoint (last-state) or none (stateless)."""
    restore_policy: Annotated[RestorePolicy | None, Cost.IGNORE] = None
    """What the next start restores; unset, as the upgrade mode says: latest, or none (stateless)."""

    @property
    def effective_stop_policy(self) -> StopPolicy:
        """The stop policy, or the upgrade mode's."""
        return self.stop_policy or _STOPS[self.upgrade_mode]

    @property
    def effective_restore_policy(self) -> RestorePolicy:
        """The restore policy, or the upgrade mode's."""
        if self.restore_policy is not None:
            return self.restore_policy
        return RestorePolicy.NONE if self.upgrade_mode is UpgradeMode.STATELESS else RestorePolicy.LATEST


_STOPS = {
    UpgradeMode.STATELESS: StopPolicy.NONE,
    UpgradeMode.SAVEPOINT: StopPolicy.SAVEPOINT,
    UpgradeMode.LAST_STATE: StopPolicy.CHECKPOINT,
}
