"""What the API server refuses, in the operator's own errors. Called by the Kubernetes client for every answer >= 400."""

import json

from penstock_api.reasons import Reason
from penstock_operator.errors import Conflict, ExternalError, OperatorError, UserError

_LONGEST = 600
"""Answers quote the whole object now and then; a status is no place for that."""


def error_of(status: int, body: bytes, what: str) -> OperatorError:
    """The error for an answer; `what` says what was asked for."""
    said = _message(body)
    text = f"{what}: {said}"
    if status == 409:
        return Conflict(text)
    if "being terminated" in said:
        return ExternalError(Reason.NAMESPACE_TERMINATING, text)
    if status == 403 and "exceeded quota" in said:
        return ExternalError(Reason.FAILED_CREATE, text)
    if status in (401, 403):
        return ExternalError(Reason.PERMISSION_DENIED, text)
    if status in (400, 422):
        return UserError(Reason.VALIDATION_ERROR, text)
    if status == 404:
        return ExternalError(Reason.MISSING, text)
    return ExternalError(Reason.ERROR, f"{text} (HTTP {status})")


def _message(body: bytes) -> str:
    try:
        said = json.loads(body).get("message") or ""
    except (ValueError, AttributeError):
        said = body.decode(errors="replace")
    return said[:_LONGEST] or "no message"
