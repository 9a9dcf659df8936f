"""The print sink: one line a record on standard output, with Flink's prefixes and its Java-style text of declared types."""

import sys
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from penstock.common.typeinfo import PickledBytesTypeInfo, TypeInformation
from penstock.common.types import Row
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import Batch, OperatorContext


@dataclass(frozen=True, slots=True)
class PrintFactory:
    """Makes a PrintOperator; travels to slots."""

    identifier: str | None
    type_info: TypeInformation | None

    def __call__(self) -> "PrintOperator":
        """A new operator."""
        return PrintOperator(self)


class PrintOperator(PassiveOperator):
    """Prints."""

    def __init__(self, options: PrintFactory) -> None:
        self._options = options

    def open(self, ctx: OperatorContext) -> None:
        """Make the prefix: `2> ` with parallelism over 1, `name> ` or `name:2> ` with an identifier."""
        self.ctx = ctx
        name = self._options.identifier or ""
        number = str(ctx.subtask_index + 1) if ctx.parallelism > 1 else ""
        prefix = ":".join(part for part in (name, number) if part)
        self._prefix = f"{prefix}> " if prefix else ""
        kind = self._options.type_info
        self._text = str if kind is None or isinstance(kind, PickledBytesTypeInfo) else java_text

    def process(self, batch: Batch, input_index: int) -> None:
        """Write the lines of a batch at once."""
        prefix, text = self._prefix, self._text
        sys.stdout.write("".join([f"{prefix}{text(value)}\n" for value in batch.values]))
        sys.stdout.flush()

    def on_watermark(self, timestamp: int) -> None:
        """Nothing is downstream."""


def java_text(value: Any) -> str:
    """The text of a declared value as Flink prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _java_double(value)
    if isinstance(value, Row):
        return f"{value.get_row_kind()}[{','.join(map(java_text, value))}]"
    if isinstance(value, tuple):
        return f"({','.join(map(java_text, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(java_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{java_text(k)}={java_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{f'{value.microsecond:06d}'.rstrip('0') or '0'}"
    return str(value)


def _java_double(value: float) -> str:
    """As Double.toString: plain from 0.001 up to 10 million, else a mantissa with one digit before the point."""
    if value != value or value in (float("inf"), float("-inf")):
        return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, "NaN")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) - 1 + int(exponent)
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{power}"
