"""Why a task failed, in words and with the contract's reason. Used by the task and the slot wherever user code may raise."""

import time
import traceback

from penstock.control.messages import Failure
from penstock.filesystems.errors import FileMissing, FileSystemError
from penstock.state.errors import StateIncompatible, StateUnreadable
from penstock.taskmanager.poison import notes_of
from penstock_api.reasons import Reason

_REASONS: tuple[tuple[type[BaseException], Reason], ...] = (
    (StateIncompatible, Reason.STATE_INCOMPATIBLE),
    (StateUnreadable, Reason.STATE_INCOMPLETE),
)
_MAX_TRACE = 20_000
"""Characters of a traceback that are kept: the end tells what happened."""


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception means."""
    return Failure(
        exception=type(error).__name__,
        message=_message_of(error),
        stacktrace="".join(traceback.format_exception(error))[-_MAX_TRACE:],
        reason=_reason_of(error),
        timestamp=time.time_ns() // 1_000_000,
    )


def _message_of(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    notes = notes_of(error)
    return f"{text} ({notes})" if notes else text


def _reason_of(error: BaseException) -> str | None:
    named = getattr(error, "reason", None)
    if isinstance(named, Reason):
        return named.value
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason.value
    return None


def restore_failure_of(error: BaseException) -> Failure:
    """As `failure_of`, for what went wrong while state was read: storage errors have reasons here."""
    failure = failure_of(error)
    if failure.reason is None and isinstance(error, FileSystemError):
        missing = isinstance(error, FileMissing)
        reason = Reason.STATE_INCOMPLETE if missing else Reason.CHECKPOINT_STORAGE_UNAVAILABLE
        return failure.model_copy(update={"reason": reason.value})
    return failure
