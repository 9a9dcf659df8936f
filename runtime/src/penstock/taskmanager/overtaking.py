"""Barriers that overtake the records in a task's input channels: what an unaligned snapshot does instead of alignment.

Owned by `taskmanager.intake`, in the task thread. The first such barrier makes the task take its snapshot at once; what
the channels hold before their barriers, and what still comes before them, becomes part of it.
"""

from collections.abc import Callable

from penstock.checkpoint.aligner import Aligner
from penstock.control.barrier import Barrier
from penstock.exchange.channels import InputChannel, InputGate
from penstock.exchange.elements import EndOfPartition
from penstock.exchange.in_flight import ChannelCapture
from penstock.operators.contract import Batch


class Overtaking:
    """Unaligned snapshots of one task, one at a time: a newer one ends an older."""

    def __init__(
        self,
        gate: InputGate,
        aligner: Aligner,
        started: Callable[[Barrier, ChannelCapture], None],
        rest: Callable[[], tuple[InputChannel, Batch] | None],
    ) -> None:
        self._gate = gate
        self._aligner = aligner
        self._started = started
        self._rest = rest
        self._capture: ChannelCapture | None = None

    def check(self, now_ms: int) -> None:
        """Let announced barriers overtake whose time has come; forget those that arrived in order."""
        kept: list[tuple[InputChannel, Barrier]] = []
        for channel, barrier in self._gate.announced:
            if barrier.checkpoint_id <= self._aligner.newest_over:
                continue
            if barrier.may_overtake(now_ms):
                self._start(barrier)
            else:
                kept.append((channel, barrier))
        self._gate.announced = kept

    def abort(self, checkpoint_id: int) -> None:
        """That checkpoint is over."""
        capture = self._capture
        if capture is not None and capture.barrier.checkpoint_id <= checkpoint_id:
            self._end()

    def _start(self, barrier: Barrier) -> None:
        self._end()
        aligner = self._aligner
        current = aligner.aligning
        is_same = current is not None and current.checkpoint_id == barrier.checkpoint_id
        arrived = aligner.ended | (aligner.held if is_same else set())
        aligner.abort(barrier.checkpoint_id)
        capture = self._capture = ChannelCapture(barrier)
        for channel in self._gate.channels:
            if channel.index not in arrived and not self._capture_queue(channel, capture):
                channel.capture = capture
                capture.awaited.add(channel.index)
        self._started(barrier, capture)

    def _capture_queue(self, channel: InputChannel, capture: ChannelCapture) -> bool:
        """Take what the channel holds before the barrier; True if the barrier, or the channel's end, is there."""
        assert channel.place is not None  # noqa: S101 - channels of a deployment have one
        rest = self._rest()
        if rest is not None and rest[0] is channel:
            capture.add_input(channel.place, rest[1])
        for element in channel.queue:
            if isinstance(element, Batch):
                capture.add_input(channel.place, element)
            elif element == capture.barrier or isinstance(element, EndOfPartition):
                return True
        return False

    def _end(self) -> None:
        if self._capture is not None:
            for channel in self._gate.channels:
                channel.capture = None
            self._capture = None
