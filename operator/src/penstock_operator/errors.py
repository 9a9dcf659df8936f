"""The operator's errors. Raised by clients, platforms and acts; the loop turns each into status, condition and Event.

    OperatorError                 a reason, a sentence, when to try again
    ├── UserError                 the owner of the resource must change something
    ├── ExternalError             what the job depends on is not as it must be; tried again
    └── Conflict                  the resource changed under us; read again at once, nothing is reported

Errors of a lower layer never leave `clients/` and `platforms/` unmapped.
"""

from penstock_api.reasons import Reason


class OperatorError(Exception):
    """A failure with a name: `reason` for machines, the message (what, where, what to do) for people."""

    retry_seconds: float = 10.0

    def __init__(self, reason: Reason, message: str = "") -> None:
        super().__init__(message or reason.sentence)
        self.reason = reason

    @property
    def message(self) -> str:
        """What was wrong, where, and what to do."""
        return str(self)


class UserError(OperatorError):
    """The owner of the resource must change something; tried again in case it was mended elsewhere."""

    retry_seconds = 15.0


class ExternalError(OperatorError):
    """Something that the job depends on is missing or does not answer."""

    retry_seconds = 5.0


class Conflict(OperatorError):
    """The resource was changed by someone else between read and write."""

    retry_seconds = 0.0

    def __init__(self, message: str = "the resource changed while it was reconciled") -> None:
        super().__init__(Reason.ERROR, message)
