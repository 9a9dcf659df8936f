"""The settings of an environment: a typed view of its configuration keys, as PyFlink names them.

The base of StreamExecutionEnvironment; every set method returns the environment. Holds no streams and submits nothing.
"""

import os
from typing import ClassVar, Self

from penstock.common.configuration import Configuration
from penstock.common.durations import format_duration_ms, parse_duration_ms
from penstock.common.execution_config import ExecutionConfig
from penstock.common.restart_strategy import RestartStrategyConfiguration
from penstock.datastream.checkpoint_config import CheckpointConfig
from penstock.datastream.checkpoint_storage import SAVEPOINT_DIRECTORY
from penstock.datastream.checkpointing_mode import CheckpointingMode, RuntimeExecutionMode
from penstock.datastream.slot_sharing_group import SlotSharingGroup
from penstock.datastream.state_backend import StateBackend, backend_of
from penstock.datastream.time_characteristic import TimeCharacteristic

RUNTIME_MODE = "execution.runtime-mode"
BUFFER_TIMEOUT = "execution.buffer-timeout.interval"
_BUFFER_TIMEOUT_ENABLED = "execution.buffer-timeout.enabled"
_CHAINING = "pipeline.operator-chaining.enabled"
_CHAINING_LIMITS = "pipeline.operator-chaining.chain-operators-with-different-max-parallelism"
_CHANGELOG = "state.changelog.enabled"


class EnvironmentSettings:
    """How jobs of an environment run."""

    _local_parallelism: ClassVar[int | None] = None

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._slot_sharing_groups: dict[str, SlotSharingGroup] = {}

    def configure(self, configuration: Configuration) -> None:
        """Take these settings."""
        self._configuration.add_all(configuration)

    def get_config(self) -> ExecutionConfig:
        """The execution settings."""
        return ExecutionConfig(self._configuration)

    def get_checkpoint_config(self) -> CheckpointConfig:
        """The checkpoint settings."""
        return CheckpointConfig(self._configuration)

    # ------------------------------------------------------------------------------------------- parallelism

    def set_parallelism(self, parallelism: int) -> Self:
        """Set the parallelism of operators that set none."""
        if parallelism < 1:
            raise ValueError(f"parallelism must be at least 1, not {parallelism}")
        self.get_config().set_parallelism(parallelism)
        return self

    def get_parallelism(self) -> int:
        """The parallelism of operators that set none: as configured, else the default of this machine."""
        configured = self.get_config().get_parallelism()
        return configured if configured > 0 else self.get_default_local_parallelism()

    def set_max_parallelism(self, max_parallelism: int) -> Self:
        """Set the number of key groups."""
        self.get_config().set_max_parallelism(max_parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """The number of key groups; -1 if it follows from the parallelism."""
        return self.get_config().get_max_parallelism()

    def get_default_local_parallelism(self) -> int:
        """The parallelism where nothing is configured: what was set, else the number of cores."""
        return EnvironmentSettings._local_parallelism or os.cpu_count() or 1

    def set_default_local_parallelism(self, parallelism: int) -> None:
        """Set the parallelism where nothing is configured, for every environment of this process."""
        if parallelism < 1:
            raise ValueError(f"parallelism must be at least 1, not {parallelism}")
        EnvironmentSettings._local_parallelism = parallelism

    def register_slot_sharing_group(self, slot_sharing_group: SlotSharingGroup) -> Self:
        """Name a group and its resources, for operators that then name the group alone."""
        self._slot_sharing_groups[slot_sharing_group.name] = slot_sharing_group
        return self

    # ------------------------------------------------------------------------------------------------- running

    def set_runtime_mode(self, execution_mode: RuntimeExecutionMode) -> Self:
        """Set streaming or batch; batch needs sources that end, and emits what is final only."""
        self._configuration.set_string(RUNTIME_MODE, execution_mode.value)
        return self

    def set_buffer_timeout(self, timeout_millis: int) -> Self:
        """Set how long a record may wait for its batch to fill: 0 for not at all, -1 until it is full."""
        if timeout_millis < -1:
            raise ValueError(f"the buffer timeout is -1, 0 or longer, not {timeout_millis}")
        self._configuration.set_boolean(_BUFFER_TIMEOUT_ENABLED, timeout_millis >= 0)
        self._configuration.set_string(BUFFER_TIMEOUT, format_duration_ms(timeout_millis))
        return self

    def get_buffer_timeout(self) -> int:
        """Milliseconds that a record may wait for its batch to fill; -1 until it is full."""
        if not self._configuration.get_boolean(_BUFFER_TIMEOUT_ENABLED, True):
            return -1
        return parse_duration_ms(self._configuration.get_string(BUFFER_TIMEOUT, "100 ms"))

    def disable_operator_chaining(self) -> Self:
        """Run every operator in a task of its own."""
        self._configuration.set_boolean(_CHAINING, False)
        return self

    def is_chaining_enabled(self) -> bool:
        """Whether operators share tasks."""
        return self._configuration.get_boolean(_CHAINING, True)

    def is_chaining_of_operators_with_different_max_parallelism_enabled(self) -> bool:
        """Whether operators with different numbers of key groups share tasks."""
        return self._configuration.get_boolean(_CHAINING_LIMITS, True)

    def set_restart_strategy(self, restart_strategy_configuration: RestartStrategyConfiguration) -> Self:
        """Set what happens after a failure."""
        for key, value in restart_strategy_configuration.keys.items():
            self._configuration.set_string(key, value)
        return self

    def set_stream_time_characteristic(self, characteristic: TimeCharacteristic) -> Self:
        """The old way to choose a clock. Watermarks are made by strategies, so all it does is turn their interval off."""
        is_timed = characteristic is not TimeCharacteristic.ProcessingTime
        self.get_config().set_auto_watermark_interval(200 if is_timed else 0)
        return self

    # --------------------------------------------------------------------------------------- state, checkpoints

    def enable_checkpointing(self, interval: int, mode: CheckpointingMode | None = None) -> Self:
        """Take a checkpoint every so many milliseconds."""
        config = self.get_checkpoint_config().set_checkpoint_interval(interval)
        if mode is not None:
            config.set_checkpointing_mode(mode)
        return self

    def get_checkpoint_interval(self) -> int:
        """Milliseconds between checkpoints; -1 for none."""
        return self.get_checkpoint_config().get_checkpoint_interval()

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """Exactly or at least once."""
        return self.get_checkpoint_config().get_checkpointing_mode()

    def get_checkpointing_consistency_mode(self) -> CheckpointingMode:
        """Exactly or at least once."""
        return self.get_checkpointing_mode()

    def is_unaligned_checkpoints_enabled(self) -> bool:
        """Whether barriers may overtake records."""
        return self.get_checkpoint_config().is_unaligned_checkpoints_enabled()

    def is_force_unaligned_checkpoints(self) -> bool:
        """Whether barriers may overtake records even where that was ruled out."""
        return self.get_checkpoint_config().is_force_unaligned_checkpoints()

    def set_state_backend(self, state_backend: StateBackend) -> Self:
        """Set where keyed state lives."""
        state_backend.configure(self._configuration)
        return self

    def get_state_backend(self) -> StateBackend | None:
        """Where keyed state lives; None for the cluster's choice."""
        return backend_of(self._configuration)

    def enable_changelog_state_backend(self, enabled: bool) -> Self:
        """Kept for compatibility: checkpoints write what changed without a log of changes."""
        self._configuration.set_boolean(_CHANGELOG, enabled)
        return self

    def is_changelog_state_backend_enabled(self) -> bool | None:
        """What was set; None if nothing was."""
        is_set = self._configuration.contains_key(_CHANGELOG)
        return self._configuration.get_boolean(_CHANGELOG, False) if is_set else None

    def set_default_savepoint_directory(self, directory: str) -> Self:
        """Set where savepoints go that name no place."""
        self._configuration.set_string(SAVEPOINT_DIRECTORY, directory)
        return self

    def get_default_savepoint_directory(self) -> str | None:
        """Where savepoints go that name no place; None for the cluster's."""
        return self._configuration.get_string(SAVEPOINT_DIRECTORY, "") or None
