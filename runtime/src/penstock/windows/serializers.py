"""Windows as bytes, in Flink's form: for programs that write window assigners or serializers of their own. Pure."""

from io import BytesIO
from typing import TypeVar

from penstock.common.serializer import TypeSerializer
from penstock.windows.window import CountWindow, GlobalWindow, TimeWindow

W = TypeVar("W")
_LONG = 8


def _write(stream: BytesIO, number: int) -> None:
    stream.write(number.to_bytes(_LONG, "big", signed=True))


def _read(stream: BytesIO) -> int:
    data = stream.read(_LONG)
    if len(data) != _LONG:
        raise EOFError(f"a number of a window has {_LONG} bytes, {len(data)} are left")
    return int.from_bytes(data, "big", signed=True)


class TimeWindowSerializer(TypeSerializer[TimeWindow]):
    """Start and end, eight bytes each."""

    def serialize(self, element: TimeWindow, stream: BytesIO) -> None:
        """Write a window."""
        _write(stream, element.start)
        _write(stream, element.end)

    def deserialize(self, stream: BytesIO) -> TimeWindow:
        """Read a window."""
        return TimeWindow(_read(stream), _read(stream))


class CountWindowSerializer(TypeSerializer[CountWindow]):
    """The number, in eight bytes."""

    def serialize(self, element: CountWindow, stream: BytesIO) -> None:
        """Write a window."""
        _write(stream, element.id)

    def deserialize(self, stream: BytesIO) -> CountWindow:
        """Read a window."""
        return CountWindow(_read(stream))


class GlobalWindowSerializer(TypeSerializer[GlobalWindow]):
    """One byte, for there is one window."""

    def serialize(self, element: GlobalWindow, stream: BytesIO) -> None:
        """Write the window."""
        stream.write(b"\0")

    def deserialize(self, stream: BytesIO) -> GlobalWindow:
        """Read the window."""
        stream.read(1)
        return GlobalWindow()
