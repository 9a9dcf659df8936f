"""Where checkpoints go, as objects; each is a few configuration keys. Used by `CheckpointConfig.set_checkpoint_storage`."""

from typing import Any

from penstock.common.configuration import Configuration
from penstock.common.unsupported import unsupported

CHECKPOINT_DIRECTORY = "execution.checkpointing.dir"
SAVEPOINT_DIRECTORY = "execution.checkpointing.savepoint-dir"
STORAGE = "execution.checkpointing.storage"
_THRESHOLD = "execution.checkpointing.data-inline-threshold"
_BUFFER = "execution.checkpointing.write-buffer-size"


class CheckpointStorage:
    """A place for checkpoints."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys

    def configure(self, configuration: Configuration) -> None:
        """Write the keys of this place."""
        for key, value in self._keys.items():
            configuration.set_string(key, value)

    def get_checkpoint_path(self) -> str | None:
        """The folder of checkpoints; None for the cluster's."""
        return self._keys.get(CHECKPOINT_DIRECTORY)

    def get_savepoint_path(self) -> str | None:
        """The folder of savepoints; None for the cluster's."""
        return self._keys.get(SAVEPOINT_DIRECTORY)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(frozenset(self._keys.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}: {value}' for key, value in self._keys.items())})"


class JobManagerCheckpointStorage(CheckpointStorage):
    """Checkpoints beside the JobManager: in its own folder, gone with it, unless a folder is named."""

    DEFAULT_MAX_STATE_SIZE = 5 * 1024 * 1024

    def __init__(self, checkpoint_path: str | None = None, max_state_size: int | None = None) -> None:
        keys = {STORAGE: "jobmanager"}
        if checkpoint_path is not None:
            keys[CHECKPOINT_DIRECTORY] = checkpoint_path
        super().__init__(keys)
        self._max_state_size = self.DEFAULT_MAX_STATE_SIZE if max_state_size is None else max_state_size

    def get_max_state_size(self) -> int:
        """What was asked for; state here is written to files and has no such limit."""
        return self._max_state_size


class FileSystemCheckpointStorage(CheckpointStorage):
    """Checkpoints in a folder: of this machine, or of an object store (`s3://bucket/folder`)."""

    MAX_FILE_STATE_THRESHOLD = 1024 * 1024
    DEFAULT_FILE_STATE_THRESHOLD = 20 * 1024
    DEFAULT_WRITE_BUFFER = 4096

    def __init__(
        self, checkpoint_path: str, file_state_size_threshold: int | None = None, write_buffer_size: int = -1
    ) -> None:
        if not checkpoint_path:
            raise ValueError("checkpoint_path is empty: name a folder, such as s3://bucket/checkpoints")
        keys = {STORAGE: "filesystem", CHECKPOINT_DIRECTORY: checkpoint_path}
        if file_state_size_threshold is not None and file_state_size_threshold >= 0:
            if file_state_size_threshold > self.MAX_FILE_STATE_THRESHOLD:
                raise ValueError(
                    f"file_state_size_threshold is at most {self.MAX_FILE_STATE_THRESHOLD} bytes, not {file_state_size_threshold}"
                )
            keys[_THRESHOLD] = f"{file_state_size_threshold} b"
        if write_buffer_size >= 0:
            keys[_BUFFER] = str(write_buffer_size)
        super().__init__(keys)
        self._threshold = file_state_size_threshold
        self._buffer = write_buffer_size

    def get_checkpoint_path(self) -> str:
        """The folder of checkpoints."""
        return self._keys[CHECKPOINT_DIRECTORY]

    def get_min_file_size_threshold(self) -> int:
        """Smaller state goes into the metadata."""
        if self._threshold is None or self._threshold < 0:
            return self.DEFAULT_FILE_STATE_THRESHOLD
        return self._threshold

    def get_write_buffer_size(self) -> int:
        """The buffer of a file that is written."""
        return max(self._buffer, self.get_min_file_size_threshold(), self.DEFAULT_WRITE_BUFFER)


class CustomCheckpointStorage(CheckpointStorage):
    """A place written in Java."""

    @unsupported(
        "Use FileSystemCheckpointStorage; other file systems join as entry points of penstock.filesystems"
    )
    def __init__(self, j_custom_checkpoint_storage: Any) -> None:
        """Refused."""
