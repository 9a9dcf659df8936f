"""The receiving end: a task's input channels and the gate that chooses the next element. All in the task thread.

Filled by local writers and by `exchange.network`; read by `taskmanager.task`. A held channel (alignment) keeps its
elements; consuming a batch gives its credit back to the sender.
"""

from collections import deque
from collections.abc import Callable

from penstock.control.barrier import Barrier
from penstock.exchange.elements import CHANNEL_CREDITS, Element, EndOfPartition
from penstock.exchange.in_flight import ChannelCapture, ChannelPlace
from penstock.operators.contract import Batch


class InputChannel:
    """Elements of one sending subtask, in order."""

    __slots__ = (
        "_consumed",
        "_on_credit",
        "_restored",
        "bytes_in",
        "capture",
        "gate",
        "index",
        "input_index",
        "is_queued",
        "place",
        "queue",
    )

    def __init__(
        self, gate: "InputGate", index: int, input_index: int, place: ChannelPlace | None = None
    ) -> None:
        self.gate = gate
        self.place = place
        self.capture: ChannelCapture | None = None
        """An unaligned snapshot that holds what arrives before its barrier."""
        self._restored = 0
        self.index = index
        """Place in the gate."""
        self.input_index = input_index
        """Input of the head operator, 0 or 1."""
        self.queue: deque[Element] = deque()
        self.is_queued = False
        self.bytes_in = 0
        self._consumed = 0
        self._on_credit: Callable[[int], None] | None = None

    def grant_to(self, on_credit: Callable[[int], None]) -> None:
        """Grant credits to a sender in another slot by this call: all at once now, later as batches are consumed."""
        self._on_credit = on_credit
        on_credit(CHANNEL_CREDITS)

    def push(self, element: Element) -> None:
        """Add an element."""
        if self.capture is not None or type(element) is Barrier:
            self._note(element)
        self.queue.append(element)
        if not self.is_queued:
            self.gate.enqueue(self)

    def restore(self, batch: Batch) -> None:
        """Add a batch that a snapshot held; its sender gave no credit for it."""
        self._restored += 1
        self.push(batch)

    def _note(self, element: Element) -> None:
        """For an unaligned snapshot: what belongs to it, and that a barrier may overtake."""
        capture = self.capture
        if capture is not None:
            if isinstance(element, Batch):
                assert self.place is not None  # noqa: S101 - channels of a deployment have one
                capture.add_input(self.place, element)
            elif element == capture.barrier or isinstance(element, EndOfPartition):
                self.capture = None
                capture.awaited.discard(self.index)
        if isinstance(element, Barrier) and element.overtakes_at is not None:
            self.gate.announced.append((self, element))

    @property
    def has_room(self) -> bool:
        """A local sender may add another batch."""
        return len(self.queue) < CHANNEL_CREDITS

    def take(self) -> Element:
        """The next element."""
        element = self.queue.popleft()
        if self._restored and isinstance(element, Batch):
            self._restored -= 1
        elif self._on_credit is not None and isinstance(element, Batch):
            self._consumed += 1
            # Two at a time: half the frames, and the sender still never runs dry.
            if self._consumed * 2 >= CHANNEL_CREDITS:
                self._on_credit(self._consumed)
                self._consumed = 0
        return element


class InputGate:
    """All input channels of a task."""

    __slots__ = ("_ready", "announced", "channels", "held")

    def __init__(self) -> None:
        self.channels: list[InputChannel] = []
        self.held: set[int] = set()
        """Channels that alignment holds; replaced by the task, which then calls `release`."""
        self.announced: list[tuple[InputChannel, Barrier]] = []
        """Barriers that have arrived, though not at the head of their channels, and may overtake what is before them."""
        self._ready: deque[InputChannel] = deque()

    def add_channel(self, input_index: int, place: ChannelPlace | None = None) -> InputChannel:
        """One more channel, before the task runs."""
        channel = InputChannel(self, len(self.channels), input_index, place)
        self.channels.append(channel)
        return channel

    def enqueue(self, channel: InputChannel) -> None:
        """A channel has something to read; it waits its turn."""
        channel.is_queued = True
        self._ready.append(channel)

    def release(self) -> None:
        """The set of held channels changed: those with elements wait their turn again."""
        for channel in self.channels:
            if channel.queue and not channel.is_queued:
                self.enqueue(channel)

    def next(self) -> tuple[InputChannel, Element] | None:
        """The next element of a channel that is not held, channels in turn; None if there is none."""
        ready = self._ready
        while ready:
            channel = ready.popleft()
            channel.is_queued = False
            if channel.index in self.held or not channel.queue:
                continue
            element = channel.take()
            if channel.queue:
                self.enqueue(channel)
            return channel, element
        return None

    @property
    def has_ready(self) -> bool:
        """Some channel may have an element to read."""
        return bool(self._ready)
