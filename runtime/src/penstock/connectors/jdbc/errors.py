"""What the JDBC connector raises. Caught by the task, which fails the job with the message.

JdbcError
├── UnusableUrl           the URL names no database that can be reached from Python
├── DatabaseUnavailable   no connection, or it broke; tried again before it is raised
├── StatementRefused      the database refuses the statement itself
└── RowRefused            the database refuses a row: the message says which
"""

from typing import ClassVar


class JdbcError(RuntimeError):
    """Something between the job and the database failed."""

    retryable: ClassVar[bool] = False


class UnusableUrl(JdbcError, ValueError):
    """The URL names no database that can be reached from Python."""


class DatabaseUnavailable(JdbcError):
    """No connection, or it broke."""

    retryable = True


class StatementRefused(JdbcError):
    """The database refuses the statement itself."""


class RowRefused(JdbcError):
    """The database refuses a row."""
