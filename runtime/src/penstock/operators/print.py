"""The print sink: one line a record on standard output, with Flink's prefixes and its Java-style text of declared types."""

import sys
from dataclasses import dataclass

from penstock.common.java_text import java_text, printed_text_of
from penstock.common.typeinfo import TypeInformation
from penstock.operators.base import PassiveOperator
from penstock.operators.contract import Batch, OperatorContext

__all__ = ["PrintFactory", "PrintOperator", "java_text"]


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
        self._text = printed_text_of(self._options.type_info)

    def process(self, batch: Batch, input_index: int) -> None:
        """Write the lines of a batch at once."""
        prefix, text = self._prefix, self._text
        sys.stdout.write("".join([f"{prefix}{text(value)}\n" for value in batch.values]))
        sys.stdout.flush()

    def on_watermark(self, timestamp: int) -> None:
        """Nothing is downstream."""
