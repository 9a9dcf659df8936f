"""Checkpoint settings of an environment: a typed view of its configuration keys; every set method returns the object."""

from penstock.common.configuration import Configuration
from penstock.common.durations import format_duration_ms, parse_duration_ms
from penstock.datastream.checkpointing_mode import CheckpointingMode, ExternalizedCheckpointRetention

_PREFIX = "execution.checkpointing."


class CheckpointConfig:
    """How checkpoints are taken."""

    DEFAULT_TIMEOUT = 600_000

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
        return self._set("timeout", format_duration_ms(checkpoint_timeout))

    def get_min_pause_between_checkpoints(self) -> int:
        """Milliseconds between the end of one checkpoint and the next."""
        return self._duration("min-pause", 0)

    def set_min_pause_between_checkpoints(self, min_pause_between_checkpoints: int) -> "CheckpointConfig":
        """Set the milliseconds between the end of one checkpoint and the next."""
        return self._set("min-pause", format_duration_ms(min_pause_between_checkpoints))

    def get_max_concurrent_checkpoints(self) -> int:
        """Checkpoints under way at once."""
        return self._configuration.get_integer(_PREFIX + "max-concurrent-checkpoints", 1)

    def set_max_concurrent_checkpoints(self, max_concurrent_checkpoints: int) -> "CheckpointConfig":
        """Set the checkpoints under way at once."""
        return self._set("max-concurrent-checkpoints", str(max_concurrent_checkpoints))

    def get_tolerable_checkpoint_failure_number(self) -> int:
        """Failed checkpoints in a row that do not fail the job."""
        return self._configuration.get_integer(_PREFIX + "tolerable-failed-checkpoints", 0)

    def set_tolerable_checkpoint_failure_number(
        self, tolerable_checkpoint_failure_number: int
    ) -> "CheckpointConfig":
        """Set the failed checkpoints in a row that do not fail the job."""
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
