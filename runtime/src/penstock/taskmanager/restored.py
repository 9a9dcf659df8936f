"""What a subtask gets back from a snapshot: its key groups into the backend, everything else as `RestoredState`.

Used by `taskmanager.deployment` before operators are opened. The job may have another parallelism than the snapshot:
keyed state is read by key-group range, the rest goes to the new subtask (old index modulo new parallelism).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.checkpoint.keyed_io import read_blob
from penstock.checkpoint.keyed_state import load_keyed
from penstock.filesystems.registry import open_filesystem
from penstock.operators.contract import RestoredState
from penstock.state.contract import SlotBackend
from penstock_api.manifest import OperatorState, SubtaskState


@dataclass(slots=True, frozen=True)
class RestorePoint:
    """The snapshot that the job starts from, as far as one subtask is concerned."""

    checkpoint_id: int
    location: str
    operators: Sequence[OperatorState]
    configuration: Mapping[str, str]

    def find(self, operator_id: str) -> OperatorState | None:
        """State of that operator; None if the snapshot has none."""
        for state in self.operators:
            if state.operator_id == operator_id:
                return state
        return None

    def load_keyed(self, operator_id: str, backend: SlotBackend) -> None:
        """Fill the backend with its key groups."""
        state = self.find(operator_id)
        if state is None:
            return
        load_keyed(state.subtasks, self.location, self.configuration, backend)

    def other_state(self, operator_id: str, index: int, parallelism: int) -> RestoredState | None:
        """Operator, writer and committable state that falls to subtask `index` of `parallelism`."""
        state = self.find(operator_id)
        if state is None:
            return None
        blobs = {subtask.index: self._blobs(subtask) for subtask in state.subtasks}
        mine = [subtask for subtask in state.subtasks if subtask.index % parallelism == index]
        return RestoredState(
            checkpoint_id=self.checkpoint_id,
            operator=[blob for subtask in mine for blob in blobs[subtask.index]],
            union=[blob for subtask in state.subtasks for blob in blobs[subtask.index]],
            writer=[part for subtask in mine for part in subtask.writer],
            committables=[part for subtask in mine for part in subtask.committables],
            old_parallelism=state.parallelism,
        )

    def _blobs(self, subtask: SubtaskState) -> list[bytes]:
        if not subtask.operator:
            return []
        filesystem = open_filesystem(self.location, self.configuration)
        return [read_blob(filesystem, self.location, stored) for stored in subtask.operator]
