"""Records that are lines: text and JSON. Used by the file source and sink; instances travel by cloudpickle.

A decoder takes many lines at once (without their line ends) and must give one record a line, in order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec


class LineDecoder(Protocol):
    """Lines to records."""

    def __call__(self, lines: Sequence[bytes]) -> list[Any]:
        """One record for each line; ValueError naming the line that is wrong."""
        ...


RecordEncoder = Callable[[Any], bytes]
"""A record to the bytes of one row of a file, line end included."""


@dataclass(frozen=True, slots=True)
class TextLines:
    """Lines as strings (PyFlink's `StreamFormat.text_line_format`)."""

    charset: str = "utf-8"

    def __call__(self, lines: Sequence[bytes]) -> list[Any]:
        """Decode every line; a trailing carriage return goes too."""
        charset = self.charset
        try:
            if not any(line.endswith(b"\r") for line in lines):
                return [line.decode(charset) for line in lines]
            return [line.removesuffix(b"\r").decode(charset) for line in lines]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"not text in {charset}: {bytes(error.object)[:200]!r} ({error.reason}); name another charset"
            ) from error


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Each line one JSON value; bad lines fail the job, or are left out."""

    ignores_bad: bool = False

    def __call__(self, lines: Sequence[bytes]) -> list[Any]:
        """Parse every line; empty lines are refused, as any other bad one."""
        decode = msgspec.json.Decoder().decode
        try:
            return [decode(line) for line in lines]
        except msgspec.DecodeError as error:
            if self.ignores_bad:
                return [decode(line) for line in lines if _parses(line)]
            bad = next(line for line in lines if not _parses(line))
            raise ValueError(f"not a JSON line: {bad[:200]!r} ({error})") from error


def _parses(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class SimpleStringEncoder:
    """`str(record)` and a line end (PyFlink's `Encoder.simple_string_encoder`)."""

    charset: str = "utf-8"

    def __call__(self, record: Any) -> bytes:
        """The row."""
        return f"{record}\n".encode(self.charset)


@dataclass(frozen=True, slots=True)
class JsonEncoder:
    """The record as one line of JSON."""

    def __call__(self, record: Any) -> bytes:
        """The row."""
        return msgspec.json.encode(record) + b"\n"
