"""One connection that executes batches, each in one transaction, and tries again what may go away by itself.

Used by the writers and the committer, from one thread at a time. Never leaves a transaction open.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from penstock.connectors.jdbc.databases import Blame, Database, find_refused
from penstock.connectors.jdbc.errors import DatabaseUnavailable, JdbcError, RowRefused, StatementRefused

log = logging.getLogger(__name__)
T = TypeVar("T")


class Session:
    """A database and a connection to it, made when it is needed and again when it broke."""

    def __init__(self, database: Database, max_retries: int) -> None:
        self._database = database
        self._attempts = max_retries + 1
        self._connection: Any = None

    def execute(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The statement for each row, all or none; retried with a new connection where that may help."""
        statement = self._database.statement(sql)
        self.transact(lambda cursor: cursor.executemany(statement, rows), sql, rows)

    def transact(self, act: Callable[[Any], T], sql: str, rows: Sequence[Sequence[Any]] = ()) -> T:
        """Run `act` with a cursor in a transaction; `sql` and `rows` are for finding out what was refused."""
        for attempt in Retrying(
            retry=retry_if_exception_type(DatabaseUnavailable),
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential(0.5, max=5),
            reraise=True,
        ):
            with attempt:
                return self._once(act, sql, rows)
        raise DatabaseUnavailable(f"{self._database.name}: no attempt was made")

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:
                log.debug("closing a database connection failed", exc_info=True)

    def _once(self, act: Callable[[Any], T], sql: str, rows: Sequence[Sequence[Any]]) -> T:
        if self._connection is None:
            self._connection = self._database.connect()
        connection = self._connection
        try:
            cursor = connection.cursor()
            try:
                done = act(cursor)
            finally:
                cursor.close()
            connection.commit()
        except Exception as error:
            raise self._explained(error, sql, rows) from error
        return done

    def _explained(self, error: Exception, sql: str, rows: Sequence[Sequence[Any]]) -> Exception:
        blame = self._database.blame(error)
        said = f"{self._database.name}: {str(error).strip()}"
        if blame is None:
            self.close()
            return error
        if blame is Blame.CONNECTION:
            log.warning("the database connection failed, a new one is made: %s", said)
            self.close()
            return DatabaseUnavailable(said)
        self._connection.rollback()
        if blame is Blame.STATEMENT:
            return StatementRefused(f"{said}. The statement: {sql}")
        return self._row_refused(said, sql, rows)

    def _row_refused(self, said: str, sql: str, rows: Sequence[Sequence[Any]]) -> JdbcError:
        statement, connection = self._database.statement(sql), self._connection
        cursor = connection.cursor()
        try:
            number = find_refused(lambda row: cursor.execute(statement, row), rows)
        finally:
            cursor.close()
            connection.rollback()
        shown = (
            f"row {number + 1} of {len(rows)}, {tuple(rows[number])!r:.300}"
            if number is not None
            else "a row"
        )
        return RowRefused(f"{said}. It refuses {shown}. The statement: {sql}")
