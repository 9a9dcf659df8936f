"""The merged watermark of a task's input channels, pure: the smallest of all that are not idle. Used by `taskmanager.task`."""

from dataclasses import dataclass

from penstock.operators.contract import MIN_TIMESTAMP


@dataclass(slots=True, frozen=True)
class Advance:
    """What a change of a channel means for the task: a new watermark, or a new idleness; None where nothing changed."""

    watermark: int | None = None
    is_idle: bool | None = None


NOTHING = Advance()


class WatermarkMerge:
    """Watermarks and idleness of `channels` channels."""

    __slots__ = ("_idle", "_is_idle", "_watermarks", "current")

    def __init__(self, channels: int) -> None:
        self._watermarks = [MIN_TIMESTAMP] * channels
        self._idle = [False] * channels
        self._is_idle = False
        self.current = MIN_TIMESTAMP
        """The merged watermark."""

    def on_watermark(self, channel: int, timestamp: int) -> Advance:
        """A channel's watermark moved; an idle channel is active again by it."""
        if timestamp > self._watermarks[channel]:
            self._watermarks[channel] = timestamp
        return self._merge()

    def on_idle(self, channel: int, is_idle: bool) -> Advance:
        """A channel became idle, or active."""
        self._idle[channel] = is_idle
        return self._merge()

    def _merge(self) -> Advance:
        active = [mark for mark, idle in zip(self._watermarks, self._idle, strict=True) if not idle]
        # When all are idle nobody is waited for: the furthest one counts, as in Flink.
        merged = min(active) if active else max(self._watermarks)
        watermark = None
        if merged > self.current:
            self.current = watermark = merged
        is_idle = None
        if (not active) != self._is_idle:
            self._is_idle = is_idle = not active
        return Advance(watermark, is_idle) if watermark is not None or is_idle is not None else NOTHING
