"""A record that user code cannot digest: named in the failure with its operator, or left out where the job says so.

Wrapped around every operator's `process` by `taskmanager.chain`. `penstock.task.on-record-error: skip` hands records on
one by one, so that the others count once; without it batches stay whole and only the error is looked at. Never skips
what a sink, the state or the machine could not do: those are no fault of the record.
"""

import logging
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from penstock.exchange.frames import UnsendableRecord
from penstock.operators.contract import Batch
from penstock.operators.fused import FusedOperator
from penstock.operators.sink import SinkOperator
from penstock.state.errors import StateError
from penstock.taskmanager.output import ChainOutput

OPTION = "penstock.task.on-record-error"
SKIPPED = "numRecordsSkipped"
_log = logging.getLogger(__name__)
_LONGEST_SHOWN = 300
_NAMES = ("v0", "value")
"""What loops over records call the one at hand: the fused loop, and operators."""
_SHARED = (int, float, type(None))
_NOT_THE_RECORD = (StateError, MemoryError, pickle.PickleError, ConnectionError, UnsendableRecord)

Process = Callable[[Batch, int], None]


def guard_process(process: Process, operator: Any, name: str, count: Callable[[int], None] | None) -> Process:
    """The operator's `process` with failures named, and with `count` records that fail left out and counted."""

    def named(batch: Batch, input_index: int) -> None:
        try:
            process(batch, input_index)
        except Exception as error:
            name_record(error, name, batch)
            raise

    if count is None or isinstance(operator, SinkOperator):
        return named
    left_out = _LeftOut(name, count)
    if isinstance(operator, FusedOperator):
        return _fused(operator, left_out)

    def one_by_one(batch: Batch, input_index: int) -> None:
        for single in _singles(batch):
            try:
                process(single, input_index)
            except Exception as error:  # noqa: BLE001 - raised again unless it is the record's fault
                left_out.take(error, single.values[0])

    return one_by_one


def _fused(operator: FusedOperator, left_out: "_LeftOut") -> Process:
    """Batches stay whole but for those with a record that fails: fused functions may be called again."""

    def process(batch: Batch, _input_index: int) -> None:
        try:
            made = _shaped(operator, operator.run(batch))
        except Exception:  # noqa: BLE001 - which record it was shows below
            made = without_failing(batch)
        operator.ctx.output.emit(made)

    def without_failing(batch: Batch) -> Batch:
        values: list[Any] = []
        times: list[int] = []
        for single in _singles(batch):
            try:
                made = _shaped(operator, operator.run(single))
            except Exception as error:  # noqa: BLE001 - raised again unless it is the record's fault
                left_out.take(error, single.values[0])
            else:
                values += made.values
                times += made.timestamps or ()
        return Batch(values, None if batch.timestamps is None else times)

    return process


def _shaped(operator: FusedOperator, batch: Batch) -> Batch:
    """Results in their declared shape: a record whose result has none is left out too."""
    output = operator.ctx.output
    return output.shaped(batch) if isinstance(output, ChainOutput) else batch


def _singles(batch: Batch) -> Iterator[Batch]:
    times = batch.timestamps
    for index, value in enumerate(batch.values):
        yield Batch([value], None if times is None else times[index : index + 1])


class _LeftOut:
    """Counts and logs the records of one operator that failed."""

    def __init__(self, operator: str, count: Callable[[int], None]) -> None:
        self._operator = operator
        self._count = count

    def take(self, error: Exception, record: Any) -> None:
        """Leave it out; raises again what is no fault of the record, or was named further down the chain."""
        if getattr(error, "record_named", False) or isinstance(error, _NOT_THE_RECORD):
            raise error
        self._count(1)
        text = f"{type(error).__name__}: {error}"
        _log.warning("record left out: %s of operator %r: %s", _shown(record), self._operator, text)


def is_skipping(configuration: Mapping[str, str]) -> bool:
    """Records that fail are left out; ValueError for an unknown word."""
    word = configuration.get(OPTION, "fail").strip().lower()
    if word not in ("fail", "skip"):
        raise ValueError(f"{OPTION} is {word!r}: it must be fail or skip")
    return word == "skip"


def name_record(error: Exception, operator: str, batch: Batch) -> None:
    """Note which operator failed and at which record; the first, innermost one counts."""
    if getattr(error, "record_named", False):
        return
    try:
        error.record_named = True  # type: ignore[attr-defined]
    except AttributeError:
        return  # an exception class without a place for notes
    index = _record_of(error.__traceback__, batch.values)
    if index is None:
        error.add_note(f"in operator {operator!r}")
        return
    time = "" if batch.timestamps is None else f", event time {batch.timestamps[index]}"
    error.add_note(
        f"in operator {operator!r} at record {index + 1} of {len(batch.values)} of its batch{time}: "
        f"{_shown(batch.values[index])}"
    )


def name_split(
    error: Exception, split_id: str, start: Mapping[str, Any], read: tuple[int, int], at: str | None = None
) -> None:
    """Note where in its source the record is (`at`), else the batch: how far behind the position of its split's assignment.

    `read`: how many records of the split were read before the batch, and its size.
    """
    if getattr(error, "split_named", False):
        return
    try:
        error.split_named = True  # type: ignore[attr-defined]
    except AttributeError:
        return
    if at is not None:
        error.add_note(f"read from {at}")
        return
    read_before, size = read
    position = ", ".join(f"{name}={value!r}" for name, value in start.items() if name != "id")
    error.add_note(
        f"read from split {split_id!r}: its records {read_before + 1} to {read_before + size} behind {position or 'its start'}"
    )


def index_in(error: Exception, batch: Batch) -> int | None:
    """Where in a source's batch the record is that could not be digested; None if the trace does not tell for certain.

    Only frames up to the second operator count by their loops' names: further down a record is made of another.
    """
    values, trace, guards = batch.values, error.__traceback__, 0
    if len(values) == 1:
        return 0
    by_identity = {id(value): index for index, value in reversed(list(enumerate(values)))}
    found = None
    while trace is not None:
        code = trace.tb_frame.f_code
        guards += code.co_name == "named" and code.co_filename == __file__
        for name, held in trace.tb_frame.f_locals.items():
            by_name = guards < 2 and name in _NAMES
            if id(held) in by_identity and (by_name or not isinstance(held, _SHARED)):
                found = by_identity[id(held)]
        trace = trace.tb_next
    return found


def notes_of(error: BaseException) -> str:
    """The notes as one line, for a failure's message."""
    return "; ".join(getattr(error, "__notes__", ()))


def _record_of(trace: TracebackType | None, values: Sequence[Any]) -> int | None:
    """Where in the batch the record is that the innermost frame had at hand; None if no frame tells."""
    if len(values) == 1:
        return 0
    by_identity = {id(value): index for index, value in reversed(list(enumerate(values)))}
    found = None
    while trace is not None:
        for name, held in trace.tb_frame.f_locals.items():
            # Small numbers are one object wherever they stand, so only the loops' own names count for them.
            if id(held) in by_identity and (name in _NAMES or not isinstance(held, _SHARED)):
                found = by_identity[id(held)]
        trace = trace.tb_next
    return found


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a record's own repr
        text = f"a {type(value).__name__} that cannot be shown ({error})"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text)} characters)"
