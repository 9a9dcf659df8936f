"""Barrier alignment of one task, pure: which input channels to hold, and when all have delivered the barrier.

Fed by `taskmanager.task` with barriers, ended channels and aborts in order; holds no data and reads no clock. A channel
that has ended counts as aligned. A barrier of a newer checkpoint gives up an older alignment; one of a checkpoint that
is over (complete, given up or aborted) is ignored.
"""

from penstock.control.barrier import Barrier


class Aligner:
    """Alignment over `channels` input channels."""

    __slots__ = ("_arrived", "_barrier", "_channels", "_ended", "_newest_over", "_since")

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._ended: set[int] = set()
        self._arrived: set[int] = set()
        self._barrier: Barrier | None = None
        self._newest_over = 0
        self._since = 0.0

    @property
    def held(self) -> set[int]:
        """Channels that must not be read now; do not change it."""
        return self._arrived

    @property
    def aligning(self) -> Barrier | None:
        """The barrier that some channels have delivered and others not."""
        return self._barrier

    @property
    def ended(self) -> set[int]:
        """Channels that will deliver nothing more; do not change it."""
        return self._ended

    @property
    def newest_over(self) -> int:
        """Barriers up to this checkpoint mean nothing any more."""
        return self._newest_over

    @property
    def since(self) -> float:
        """When the present (or last) alignment began, as the caller's clock said."""
        return self._since

    def on_barrier(self, channel: int, barrier: Barrier, now: float) -> Barrier | None:
        """A barrier arrived. Returns it if with this all live channels have delivered it; nothing is held then."""
        if barrier.checkpoint_id <= self._newest_over:
            return None
        current = self._barrier
        if current is None or current.checkpoint_id < barrier.checkpoint_id:
            if current is not None:
                self._newest_over = current.checkpoint_id
            self._arrived = set()
            self._barrier = barrier
            self._since = now
        elif current.checkpoint_id > barrier.checkpoint_id:
            return None
        self._arrived.add(channel)
        return self._completed()

    def on_end(self, channel: int) -> Barrier | None:
        """A channel will deliver nothing more. Returns the barrier that was waiting for it alone, if so."""
        self._ended.add(channel)
        return self._completed()

    def abort(self, checkpoint_id: int) -> None:
        """That checkpoint, and any before it, is over: release what waits for it."""
        self._newest_over = max(self._newest_over, checkpoint_id)
        if self._barrier is not None and self._barrier.checkpoint_id <= checkpoint_id:
            self._barrier = None
            self._arrived = set()

    def _completed(self) -> Barrier | None:
        barrier = self._barrier
        if barrier is None or len(self._arrived | self._ended) < self._channels:
            return None
        self._newest_over = barrier.checkpoint_id
        self._barrier = None
        self._arrived = set()
        return barrier
