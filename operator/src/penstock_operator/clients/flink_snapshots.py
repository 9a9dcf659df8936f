"""The part of Flink's REST API that FlinkStateSnapshots need: checkpoints on demand and where they are.

Used by `observe/snapshot.py` and `reconcile/snapshot.py`; errors as in `flink_rest.py`.
"""

from penstock_api.rest.checkpoint import CheckpointStatistics
from penstock_api.rest.trigger import CheckpointTriggerRequest, CheckpointTriggerStatus
from penstock_operator.clients.flink_rest import FlinkRest


class SnapshotRest(FlinkRest):
    """One JobManager's snapshots."""

    def trigger_checkpoint(self, job_id: str, request: CheckpointTriggerRequest) -> str:
        """POST /jobs/:id/checkpoints; the trigger's id. The same id twice takes one checkpoint."""
        return self._post(f"jobs/{job_id}/checkpoints", request)

    def checkpoint(self, job_id: str, trigger_id: str) -> CheckpointTriggerStatus | None:
        """GET /jobs/:id/checkpoints/:trigger; None if the trigger is not known."""
        return self._find(f"jobs/{job_id}/checkpoints/{trigger_id}", CheckpointTriggerStatus)

    def checkpoint_details(self, job_id: str, checkpoint_id: int) -> CheckpointStatistics | None:
        """GET /jobs/:id/checkpoints/details/:n; None if it is not known (any more)."""
        return self._find(f"jobs/{job_id}/checkpoints/details/{checkpoint_id}", CheckpointStatistics)
