"""A checkpoint's barrier as it travels between tasks. Made by sources from `TriggerCheckpoint`; aligned by `checkpoint.aligner`."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Barrier:
    """Records before it in a channel belong to the checkpoint, records after it do not."""

    checkpoint_id: int
    timestamp: int
    location: str
    """Folder of the snapshot: tasks store their objects under it."""
    is_savepoint: bool = False
    stop: bool = False
    """Nothing follows; tasks finish once the snapshot is complete and committed."""
    is_native: bool = False
    """A savepoint in the backend's own form instead of the canonical one."""
    overtakes_at: int | None = None
    """From this time (ms since the epoch) it overtakes the records before it, which then are part of the snapshot; None: never."""

    def may_overtake(self, now_ms: int) -> bool:
        """It need not wait for the records before it any more."""
        return self.overtakes_at is not None and now_ms >= self.overtakes_at
