"""Why something happened or failed: one enum for status, Events, metrics and documentation.

Used by the operator in conditions, errors and Events, by the runtime in what its REST API says of a failed program.
The words are wire format: a reason may be added, never renamed. Those of Apache's operator keep their names.
"""

from enum import StrEnum


class Domain(StrEnum):
    """Who can mend it."""

    USER = "user"
    """The owner of the resource or the program."""
    EXTERNAL = "external"
    """Whoever runs what the job depends on: the cluster, S3, Kafka."""
    INTERNAL = "internal"
    """Nobody has to, or it is a defect of Penstock."""


class Reason(StrEnum):
    """A reason; its `sentence` says what it means and what to do, its `domain` who can, `is_warning` how bad it is."""

    sentence: str
    domain: Domain
    is_warning: bool

    def __new__(
        cls, word: str, domain: Domain = Domain.INTERNAL, is_warning: bool = True, sentence: str = ""
    ) -> "Reason":
        """A member with its facts beside its word."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.domain = domain
        member.is_warning = is_warning
        member.sentence = sentence
        return member

    @classmethod
    def of(cls, word: str | None) -> "Reason":
        """The reason that a word names; `Error` for one that this version does not know."""
        return cls._value2member_map_.get(word, cls.ERROR)  # type: ignore[return-value]

    # fmt: off
    # One line a reason, however long: it is read as a table.
    # What the operator does, in upstream's words.
    SUBMIT = "Submit", Domain.INTERNAL, False, "The job is being deployed."
    SUSPENDED = "Suspended", Domain.INTERNAL, False, "The job was stopped, for a change or because it shall not run."
    SPEC_CHANGED = "SpecChanged", Domain.INTERNAL, False, "The spec differs from the one that is deployed."
    SCALING = "Scaling", Domain.INTERNAL, False, "The job is scaled in place."
    CLEANUP = "Cleanup", Domain.INTERNAL, False, "The resource is being deleted."
    JOB_STATUS_CHANGED = "JobStatusChanged", Domain.INTERNAL, False, "The job went from one state to another."
    ROLLBACK = "Rollback", Domain.INTERNAL, False, "The last stable spec is deployed again."
    RECOVER_DEPLOYMENT = "RecoverDeployment", Domain.INTERNAL, False, "A missing JobManager is being brought back."
    RESTART_UNHEALTHY_JOB = "RestartUnhealthyJob", Domain.INTERNAL, False, "The job is unhealthy and restarted."
    # What can go wrong, in upstream's words.
    UNSUPPORTED_FLINK_VERSION = "UnsupportedFlinkVersion", Domain.USER, True, "This Flink version is not supported: set spec.flinkVersion to v1_15 or later."
    MISSING = "Missing", Domain.EXTERNAL, True, "The JobManager or the job is not there."
    ERROR = "Error", Domain.INTERNAL, True, "The operator met an error that it has no name for; it tries again."
    VALIDATION_ERROR = "ValidationError", Domain.USER, True, "The spec is refused: correct the field that is named."
    CLEANUP_FAILED = "CleanupFailed", Domain.EXTERNAL, True, "The resource cannot be deleted yet."
    SAVEPOINT_ERROR = "SavepointError", Domain.EXTERNAL, True, "A savepoint could not be taken."
    CHECKPOINT_ERROR = "CheckpointError", Domain.EXTERNAL, True, "A checkpoint could not be taken."
    SNAPSHOT_ERROR = "SnapshotError", Domain.EXTERNAL, True, "A snapshot could not be taken."
    SNAPSHOT_ABANDONED = "SnapshotAbandoned", Domain.USER, True, "The snapshot's job is not running."
    JOB_EXCEPTION = "JobException", Domain.USER, True, "The job threw an exception."
    UPGRADE_FAILED = "UpgradeFailed", Domain.USER, True, "The change could not be carried out."
    RESTORE_FAILED = "RestoreFailed", Domain.USER, True, "The job could not start from its state."
    CHECKPOINT_NOT_FOUND = "CheckpointNotFound", Domain.EXTERNAL, True, "A checkpoint that was asked for is not known."
    INGRESS_MANAGEMENT = "IngressManagement", Domain.EXTERNAL, True, "The cluster refused the Ingress."
    # The autoscaler, in upstream's words.
    SCALING_REPORT = "ScalingReport", Domain.INTERNAL, False, "The autoscaler has a recommendation."
    INEFFECTIVE_SCALING = "IneffectiveScaling", Domain.USER, True, "The last scale-up did not speed the job up."
    MEMORY_PRESSURE = "MemoryPressure", Domain.USER, True, "Memory is short, so nothing is scaled."
    RESOURCE_QUOTA_REACHED = "ResourceQuotaReached", Domain.USER, True, "The quota does not allow the wanted scale."
    SCALING_LIMITED = "ScalingLimited", Domain.USER, True, "Partitions or key groups limit the parallelism."
    SCALING_CONTESTED = "ScalingContested", Domain.USER, True, "Somebody else scales the resource while the autoscaler is active: let one of them do it."
    SCALING_VETOED = "ScalingVetoed", Domain.USER, True, "A plugin refused the scaling."
    AUTOSCALER_ERROR = "AutoscalerError", Domain.INTERNAL, True, "The autoscaler met an error."
    SCALED_TO_ZERO = "ScaledToZero", Domain.INTERNAL, False, "Nothing waits for the job: the autoscaler has stopped it with a savepoint, and starts it again when records do."
    SCALED_FROM_ZERO = "ScaledFromZero", Domain.INTERNAL, False, "The job that was scaled to zero comes back."
    SCALE_TO_ZERO_REFUSED = "ScaleToZeroRefused", Domain.USER, True, "The job is idle and is not stopped, or could not be: the message says why."
    LAG_UNREADABLE = "LagUnreadable", Domain.EXTERNAL, True, "What waits in Kafka cannot be read, so the job is not stopped: a stopped job would not be woken."
    # Pods.
    IMAGE_PULL_FAILED = "ImagePullFailed", Domain.USER, True, "The image cannot be pulled: check spec.image, its pull secrets and that it exists."
    IMAGE_PULL_BACK_OFF = "ImagePullBackOff", Domain.USER, True, "The image cannot be pulled: check spec.image and its pull secrets."
    ERR_IMAGE_PULL = "ErrImagePull", Domain.USER, True, "The image cannot be pulled: check spec.image and its pull secrets."
    CRASH_LOOP_BACK_OFF = "CrashLoopBackOff", Domain.USER, True, "A container ends again and again: read its log."
    RUN_CONTAINER_ERROR = "RunContainerError", Domain.USER, True, "A container cannot be started."
    CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError", Domain.USER, True, "A container cannot be created: a Secret or ConfigMap that it names is missing."
    OOM_KILLED = "OOMKilled", Domain.USER, True, "A container used more memory than its limit: raise it."
    FAILED_CREATE = "FailedCreate", Domain.EXTERNAL, True, "Pods cannot be created: quota or admission refuses them."
    FAILED_MOUNT = "FailedMount", Domain.USER, True, "A volume cannot be mounted."
    POD_NOT_SCHEDULED = "PodNotScheduled", Domain.EXTERNAL, True, "No node has room for a pod: add nodes or lower spec.*.resources."
    # Ours: what stands in the way of a deployment.
    ENGINE_NOT_AVAILABLE = "EngineNotAvailable", Domain.USER, True, "The Flink engine is not available: remove spec.flinkVersion or set spec.engine to Penstock."
    OLD_JOB_STILL_RUNNING = "OldJobStillRunning", Domain.EXTERNAL, True, "Pods of the last attempt are still there, so nothing is started: check their node or delete them."
    VOLUME_NEEDS_SHARED_NAMESPACE = "VolumeNeedsSharedNamespace", Domain.USER, True, "A PersistentVolumeClaim cannot follow the job: set spec.jobNamespaces.mode to Shared."
    NAMESPACE_COLLISION = "NamespaceCollision", Domain.USER, True, "Another resource's job has this namespace: change spec.jobNamespaces.nameTemplate."
    NAMESPACE_NOT_OURS = "NamespaceNotOurs", Domain.USER, True, "The job's namespace exists and is not Penstock's: delete it or change spec.jobNamespaces.nameTemplate."
    NAMESPACE_TERMINATING = "NamespaceTerminating", Domain.EXTERNAL, True, "The job's namespace is still being deleted: the job starts when it is gone."
    SECRET_MISSING = "SecretMissing", Domain.USER, True, "A Secret that the spec names is not in the resource's namespace: create it."
    CONFIG_MAP_MISSING = "ConfigMapMissing", Domain.USER, True, "A ConfigMap that the spec names is not in the resource's namespace: create it."
    INLINE_SECRET = "InlineSecret", Domain.USER, True, "A password or key is written in the spec: take it from a Secret by valueFrom, and change it."
    PERMISSION_DENIED = "PermissionDenied", Domain.EXTERNAL, True, "The API server refused the operator: check the rights of its service account."
    CRD_OUTDATED = "CrdOutdated", Domain.EXTERNAL, True, "The installed CRDs lack fields of this version: run `penstock-operator crds apply`."
    # Ours: the program.
    ARTIFACT_NOT_FOUND = "ArtifactNotFound", Domain.USER, True, "The program or a file that it needs is not there: check spec.job.jarURI, requirements and archives."
    DEPENDENCIES_FAILED = "DependenciesFailed", Domain.USER, True, "The program's requirements could not be installed: check spec.job.requirements."
    PROGRAM_FAILED = "ProgramFailed", Domain.USER, True, "The program raised an exception before its job started: read its traceback."
    PROGRAM_NEVER_EXECUTED = "ProgramNeverExecuted", Domain.USER, True, "The program ended without calling execute(): call it once, at its end."
    PROGRAM_EXECUTED_TWICE = "ProgramExecutedTwice", Domain.USER, True, "The program called execute() a second time: an application runs one job."
    PROGRAM_TIMED_OUT = "ProgramTimedOut", Domain.USER, True, "The program did not call execute() in time: build the graph only, and do not wait in main."
    JOB_FAILED = "JobFailed", Domain.USER, True, "The job failed for good: its restart strategy gave up."
    NOT_STABLE_IN_TIME = "NotStableInTime", Domain.USER, True, "The new spec was not stable within kubernetes.operator.deployment.readiness.timeout."
    ROLLED_BACK = "RolledBack", Domain.USER, True, "The wanted spec did not work, so the last stable one runs: change the spec to try again."
    JOB_UNHEALTHY = "JobUnhealthy", Domain.USER, True, "The job restarts too often or completes no checkpoint."
    JOB_NOT_FOUND = "JobNotFound", Domain.EXTERNAL, True, "The JobManager does not know the job."
    JOB_MANAGER_UNREACHABLE = "JobManagerUnreachable", Domain.EXTERNAL, True, "The JobManager runs and does not answer."
    # Ours: state.
    STATE_NOT_FOUND = "StateNotFound", Domain.USER, True, "The savepoint or checkpoint is not there: check the path and the storage's credentials."
    STATE_INCOMPLETE = "StateIncomplete", Domain.EXTERNAL, True, "The snapshot lacks objects or they have another size: choose another one."
    STATE_INCOMPATIBLE = "StateIncompatible", Domain.USER, True, "The program cannot read its state: a class was changed or is gone. Restore it, or start from other state."
    STATE_NOT_CLAIMED = "StateNotClaimed", Domain.USER, True, "No operator claims part of the state: keep its uid, or set spec.job.allowNonRestoredState."
    EMPTY_STATE_REFUSED = "EmptyStateRefused", Domain.USER, True, "No state was found for a job that has some: set spec.job.initialSavepointPath, or allowEmptyState."
    CHECKPOINT_STORAGE_UNAVAILABLE = "CheckpointStorageUnavailable", Domain.EXTERNAL, True, "The checkpoint folder cannot be read or written: check the bucket, its endpoint and credentials."
    CHECKPOINT_TOO_OLD = "CheckpointTooOld", Domain.USER, True, "The checkpoint is older than the broker keeps transactions: its uncommitted output is lost."
    SLOTS_CANNOT_START = "SlotsCannotStart", Domain.EXTERNAL, True, "The slots' processes end before they are ready, again and again: the TaskManager's log says why."
    SAVEPOINT_FAILED = "SavepointFailed", Domain.EXTERNAL, True, "The savepoint of the stop failed: the job runs on, and the stop is tried again."
    ATTEMPT_SUPERSEDED = "AttemptSuperseded", Domain.INTERNAL, True, "A newer attempt runs this job: this one stops and completes nothing."
    # Ours: upgrades.
    UPGRADE_QUEUED = "UpgradeQueued", Domain.INTERNAL, False, "Other jobs are being upgraded: this one is when kubernetes.operator.upgrade.max-concurrent allows it."
    UPGRADE_WAITS_FOR_JOB = "UpgradeWaitsForJob", Domain.USER, False, "The job does not run, so no savepoint can be taken and last-state-fallback is off: the upgrade waits."
    UPGRADE_WAITS_FOR_CHECKPOINT = "UpgradeWaitsForCheckpoint", Domain.INTERNAL, False, "The newest checkpoint is too old and another is being taken: the upgrade waits for it."
    UPGRADE_WAITS_FOR_SAVEPOINT = "UpgradeWaitsForSavepoint", Domain.INTERNAL, False, "A savepoint that was asked for is being taken: the upgrade waits for it."
    UPGRADE_WAITS_FOR_CANCELLATION = "UpgradeWaitsForCancellation", Domain.INTERNAL, False, "The job is being cancelled: the upgrade waits for its end."
    UPGRADE_ABORTED = "UpgradeAborted", Domain.USER, False, "The change was taken back while it was carried out: the old version starts from the same state."
    WARM_UPGRADE = "WarmUpgrade", Domain.INTERNAL, False, "The new version's pods are brought up while the old job runs."
    WARM_UPGRADE_ABORTED = "WarmUpgradeAborted", Domain.USER, False, "The new version's pods are removed: the change that they were for is not wanted any more, or the old job ended by itself."
    WARM_UPGRADE_FAILED = "WarmUpgradeFailed", Domain.USER, True, "The new version's pods did not come up in time, so the old job runs on: change the spec to try again."
    WARM_UPGRADE_NOT_POSSIBLE = "WarmUpgradeNotPossible", Domain.EXTERNAL, True, "There is no room for the new version's pods beside the old ones: the job is stopped first, as by Recreate."
    SCALING_FAILED = "ScalingFailed", Domain.EXTERNAL, True, "The job could not be scaled in place: it is stopped and started again instead."
    # Ours: blue/green deployments.
    TRANSITION_STARTED = "TransitionStarted", Domain.INTERNAL, False, "The new version is being brought up in the other deployment."
    TRANSITION_COMPLETED = "TransitionCompleted", Domain.INTERNAL, False, "The new version has taken over, and the old deployment is deleted."
    TRANSITION_ABORTED = "TransitionAborted", Domain.USER, True, "The new version did not work in time: the old one has the job. Change spec.template to try again."
    TRANSITION_LATE = "TransitionLate", Domain.USER, True, "A step of the transition takes longer than its deadline: what it waits for is named."
    # Ours: the end.
    DELETION_FORCED = "DeletionForced", Domain.EXTERNAL, True, "The clean stop took longer than spec.deletion.deadline: the job was deleted without it."
    DELETION_ORPHANED = "DeletionOrphaned", Domain.EXTERNAL, True, "The clean stop took longer than spec.deletion.deadline: the job's objects were left behind."
    # Ours: conditions of a resource that is well.
    RUNNING = "Running", Domain.INTERNAL, False, "The job runs as wanted."
    STABLE = "Stable", Domain.INTERNAL, False, "The wanted spec is deployed and works."
    DEPLOYING = "Deploying", Domain.INTERNAL, False, "The job is being started."
    UPGRADING = "Upgrading", Domain.INTERNAL, False, "The job is being stopped and started again."
    PENDING = "Pending", Domain.INTERNAL, False, "Nothing was deployed yet."
    DEPLOYED = "Deployed", Domain.INTERNAL, False, "The wanted spec is deployed; it is stable after a time without restarts and with checkpoints."
    ROLLING_BACK = "RollingBack", Domain.INTERNAL, False, "The last stable spec is being deployed again."
    DELETING = "Deleting", Domain.INTERNAL, False, "The resource and everything of its job are being deleted."
    JOB_NOT_RUNNING = "JobNotRunning", Domain.INTERNAL, True, "The job that should run does not at the moment."
    RECONCILED = "Reconciled", Domain.INTERNAL, False, "There is nothing to do."
    JOB_ADOPTED = "JobAdopted", Domain.INTERNAL, True, "The status did not name the job that runs: it was taken from what is deployed."
    RECOVERED = "Recovered", Domain.INTERNAL, False, "What was wrong is right again."
    FINISHED = "Finished", Domain.INTERNAL, False, "The job came to its end."
    # fmt: on
