"""Checkpoint settings of an environment: a typed view of its configuration keys; every set method returns the object."""

from penstock.common.configuration import Configuration
from penstock.common.durations import format_duration_ms, parse_duration_ms
from penstock.common.time import Duration
from penstock.datastream.checkpoint_storage import (
    CHECKPOINT_DIRECTORY,
    CheckpointStorage,
    FileSystemCheckpointStorage,
    JobManagerCheckpointStorage,
)
from penstock.datastream.checkpointing_mode import CheckpointingMode, ExternalizedCheckpointRetention

_PREFIX = "execution.checkpointing."


class CheckpointConfig:
    """How checkpoints are taken."""

    DEFAULT_MODE = CheckpointingMode.EXACTLY_ONCE
    DEFAULT_TIMEOUT = 600_000
    DEFAULT_MIN_PAUSE_BETWEEN_CHECKPOINTS = 0
    DEFAULT_MAX_CONCURRENT_CHECKPOINTS = 1

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def _duration(self, key: str, default: int) -> int:
        text = self._configuration.get_string(_PREFIX + key, "")
        return parse_duration_ms(text) if text else default

    def _set(self, key: str, value: str) -> "CheckpointConfig":
        self._configuration.set_string(_PREFIX + key, value)
        return self

    def is_checkpointing_enabled(self) -> bool:
        """Whether the job takes checkpoints."""
        return self.get_checkpoint_interval() > 0

    def get_checkpoint_interval(self) -> int:
        """Milliseconds between checkpoints; -1 for none."""
        return self._duration("interval", -1)

    def set_checkpoint_interval(self, checkpoint_interval: int) -> "CheckpointConfig":
        """Set the milliseconds between checkpoints."""
        if checkpoint_interval < 10:
            raise ValueError(
                f"checkpoints every {checkpoint_interval} ms are too many: at least 10 ms must lie between them"
            )
        return self._set("interval", format_duration_ms(checkpoint_interval))

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """Exactly or at least once."""
        return CheckpointingMode(self._configuration.get_string(_PREFIX + "mode", "EXACTLY_ONCE"))

    def set_checkpointing_mode(self, checkpointing_mode: CheckpointingMode) -> "CheckpointConfig":
        """Set exactly or at least once."""
        return self._set("mode", checkpointing_mode.value)

    def get_checkpoint_timeout(self) -> int:
        """Milliseconds after which a checkpoint is given up."""
        return self._duration("timeout", self.DEFAULT_TIMEOUT)

    def set_checkpoint_timeout(self, checkpoint_timeout: int) -> "CheckpointConfig":
        """Set the milliseconds after which a checkpoint is given up."""
        if checkpoint_timeout < 10:
            raise ValueError(f"a checkpoint needs at least 10 ms, not {checkpoint_timeout}")
        return self._set("timeout", format_duration_ms(checkpoint_timeout))

    def get_min_pause_between_checkpoints(self) -> int:
        """Milliseconds between the end of one checkpoint and the next."""
        return self._duration("min-pause", 0)

    def set_min_pause_between_checkpoints(self, min_pause_between_checkpoints: int) -> "CheckpointConfig":
        """Set the milliseconds between the end of one checkpoint and the next."""
        if min_pause_between_checkpoints < 0:
            raise ValueError(f"a pause cannot be negative: {min_pause_between_checkpoints}")
        return self._set("min-pause", format_duration_ms(min_pause_between_checkpoints))

    def get_max_concurrent_checkpoints(self) -> int:
        """Checkpoints under way at once."""
        return self._configuration.get_integer(_PREFIX + "max-concurrent-checkpoints", 1)

    def set_max_concurrent_checkpoints(self, max_concurrent_checkpoints: int) -> "CheckpointConfig":
        """Set the checkpoints under way at once."""
        if max_concurrent_checkpoints < 1:
            raise ValueError(f"at least 1 checkpoint is under way, not {max_concurrent_checkpoints}")
        return self._set("max-concurrent-checkpoints", str(max_concurrent_checkpoints))

    def get_tolerable_checkpoint_failure_number(self) -> int:
        """Failed checkpoints in a row that do not fail the job."""
        return self._configuration.get_integer(_PREFIX + "tolerable-failed-checkpoints", 0)

    def set_tolerable_checkpoint_failure_number(
        self, tolerable_checkpoint_failure_number: int
    ) -> "CheckpointConfig":
        """Set the failed checkpoints in a row that do not fail the job."""
        if tolerable_checkpoint_failure_number < 0:
            raise ValueError(
                f"a number of failures cannot be negative: {tolerable_checkpoint_failure_number}"
            )
        return self._set("tolerable-failed-checkpoints", str(tolerable_checkpoint_failure_number))

    def get_externalized_checkpoint_retention(self) -> ExternalizedCheckpointRetention:
        """What happens to checkpoints of a job that was canceled."""
        key = _PREFIX + "externalized-checkpoint-retention"
        return ExternalizedCheckpointRetention(
            self._configuration.get_string(key, "NO_EXTERNALIZED_CHECKPOINTS")
        )

    def set_externalized_checkpoint_retention(
        self, retention_mode: ExternalizedCheckpointRetention
    ) -> "CheckpointConfig":
        """Set what happens to checkpoints of a job that was canceled."""
        return self._set("externalized-checkpoint-retention", retention_mode.value)

    enable_externalized_checkpoints = set_externalized_checkpoint_retention

    def is_externalized_checkpoints_enabled(self) -> bool:
        """Whether checkpoints outlive a job that failed or was suspended."""
        retention = self.get_externalized_checkpoint_retention()
        return retention is not ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS

    # --------------------------------------------------------------------------------------------- failures

    def is_fail_on_checkpointing_errors(self) -> bool:
        """Whether the first failed checkpoint fails the job."""
        return self.get_tolerable_checkpoint_failure_number() == 0

    def set_fail_on_checkpointing_errors(self, fail_on_checkpointing_errors: bool) -> "CheckpointConfig":
        """The old way to set how many failed checkpoints are tolerated: none, or any number."""
        return self.set_tolerable_checkpoint_failure_number(0 if fail_on_checkpointing_errors else 2**31 - 1)

    # -------------------------------------------------------------------------------------- unaligned barriers

    def is_unaligned_checkpoints_enabled(self) -> bool:
        """Whether barriers may overtake records."""
        return self._flag("unaligned.enabled")

    def enable_unaligned_checkpoints(self, enabled: bool = True) -> "CheckpointConfig":
        """Let barriers overtake records, which then belong to the checkpoint."""
        return self._set("unaligned.enabled", str(enabled).lower())

    def disable_unaligned_checkpoints(self) -> "CheckpointConfig":
        """Keep barriers in line with records."""
        return self.enable_unaligned_checkpoints(False)

    def is_force_unaligned_checkpoints(self) -> bool:
        """Whether barriers may overtake records even where that was ruled out."""
        return self._flag("unaligned.forced")

    def set_force_unaligned_checkpoints(self, force_unaligned_checkpoints: bool = True) -> "CheckpointConfig":
        """Set whether barriers may overtake records even where that was ruled out."""
        return self._set("unaligned.forced", str(force_unaligned_checkpoints).lower())

    def get_aligned_checkpoint_timeout(self) -> Duration:
        """How long an unaligned checkpoint stays aligned first."""
        return Duration.of_millis(self._duration("aligned-checkpoint-timeout", 0))

    def set_aligned_checkpoint_timeout(self, alignment_timeout: Duration) -> "CheckpointConfig":
        """Set how long an unaligned checkpoint stays aligned first."""
        return self._set("aligned-checkpoint-timeout", format_duration_ms(alignment_timeout.to_millis()))

    get_alignment_timeout = get_aligned_checkpoint_timeout
    set_alignment_timeout = set_aligned_checkpoint_timeout

    def _flag(self, key: str) -> bool:
        return self._configuration.get_boolean(_PREFIX + key, False)

    # ------------------------------------------------------------------------------------------------ storage

    def set_checkpoint_storage(self, storage: CheckpointStorage) -> "CheckpointConfig":
        """Set where checkpoints go."""
        storage.configure(self._configuration)
        return self

    def set_checkpoint_storage_dir(self, checkpoint_path: str) -> "CheckpointConfig":
        """Set the folder of checkpoints."""
        return self.set_checkpoint_storage(FileSystemCheckpointStorage(checkpoint_path))

    def get_checkpoint_storage(self) -> CheckpointStorage | None:
        """Where checkpoints go; None for the cluster's place."""
        folder = self._configuration.get_string(CHECKPOINT_DIRECTORY, "")
        storage = self._configuration.get_string(_PREFIX + "storage", "")
        if storage == "jobmanager":
            return JobManagerCheckpointStorage(folder or None)
        return FileSystemCheckpointStorage(folder) if folder else None
