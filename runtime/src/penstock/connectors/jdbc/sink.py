"""The JDBC sink: at least once in batches, or exactly once by a log of commits in the same database.

Built by `api`, driven by the sink operator through `connectors.contract`. Exactly once: rows travel in the
checkpoint; once it is complete the committer writes them and a mark of the checkpoint in one transaction, and
a mark that is there already says that they were written.
"""

import datetime
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.common.typeinfo import RowTypeInfo
from penstock.connectors.contract import SinkContext
from penstock.connectors.jdbc.databases import Database, count_placeholders, database_of
from penstock.connectors.jdbc.session import Session
from penstock.formats.rows import reader, row_values, writer
from penstock.operators.contract import Batch


@dataclass(frozen=True, slots=True)
class CommitLog:
    """The table that marks written checkpoints, and how long marks are kept."""

    table: str = "penstock_commits"
    keep_days: int = 30


@dataclass(frozen=True, slots=True)
class JdbcSinkDefinition:
    """A JDBC sink (a `connectors.contract.Sink`). With a `log` it is exactly once."""

    sql: str
    row_type: RowTypeInfo
    url: str
    user: str | None = None
    password: str | None = None
    batch_size: int = 5000
    interval_ms: int = 0
    max_retries: int = 3
    log: CommitLog | None = None

    def __post_init__(self) -> None:
        database_of(self.url, self.user, self.password)
        wanted, given = count_placeholders(self.sql), len(self.row_type.get_field_names())
        if wanted != given:
            raise ValueError(
                f"the SQL statement has {wanted} question marks, but rows have {given} fields: {self.sql}"
            )

    def __repr__(self) -> str:
        return f"JdbcSinkDefinition({self.sql!r}, {self.url.split('?')[0]!r})"

    def database(self) -> Database:
        """Where to write."""
        return database_of(self.url, self.user, self.password)

    def create_writer(self) -> "BatchWriter | LoggedWriter":
        """A writer for one subtask."""
        return BatchWriter(self) if self.log is None else LoggedWriter(self)

    def create_committer(self) -> "LogCommitter | None":
        """A committer where rows wait for their checkpoint."""
        return None if self.log is None else LogCommitter(self)


class BatchWriter:
    """Writes full batches at once, the rest at the barrier or when the interval is over."""

    def __init__(self, sink: JdbcSinkDefinition) -> None:
        self._sink = sink
        self._names = sink.row_type.get_field_names()
        self._database = sink.database()
        self._session = Session(self._database, sink.max_retries)
        self._rows: list[list[Any]] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._ticker: threading.Thread | None = None

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """Start the interval's thread, if there is an interval."""
        if self._sink.interval_ms > 0:
            name = f"jdbc-{ctx.subtask_index}"
            self._ticker = threading.Thread(target=self._tick, name=name, daemon=True)
            self._ticker.start()

    def write(self, batch: Batch) -> None:
        """Take rows; blocks while a full batch is written."""
        convert = self._database.value
        rows = [[convert(field) for field in row_values(value, self._names)] for value in batch.values]
        with self._lock:
            self._raise_failure()
            self._rows.extend(rows)
            while len(self._rows) >= self._sink.batch_size:
                self._write(self._sink.batch_size)

    def flush(self) -> None:
        """Every row so far is in the database."""
        with self._lock:
            self._raise_failure()
            while self._rows:
                self._write(self._sink.batch_size)

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """Flush; nothing is left to commit."""
        self.flush()
        return []

    def snapshot(self) -> list[dict[str, Any]]:
        """No state."""
        return []

    def close(self) -> None:
        """Close the connection."""
        self._closing.set()
        if self._ticker is not None:
            self._ticker.join(timeout=30)
        self._session.close()

    def _write(self, count: int) -> None:
        self._session.execute(self._sink.sql, self._rows[:count])
        del self._rows[:count]

    def _tick(self) -> None:
        while not self._closing.wait(self._sink.interval_ms / 1000):
            try:
                self.flush()
            except Exception as failure:  # noqa: BLE001 - raised to the task by its next call
                self._failure = failure
                return

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


class LoggedWriter:
    """Holds the rows of one checkpoint; they are committables, as JSON of the declared types."""

    def __init__(self, sink: JdbcSinkDefinition) -> None:
        self._write = writer(sink.row_type)
        self._rows: list[Any] = []
        self._who = ""

    def open(self, ctx: SinkContext, states: Sequence[Mapping[str, Any]], checkpoint_id: int | None) -> None:
        """There is no state: restored rows were written by the committer."""
        self._who = f"{ctx.job_id[:12]}-{ctx.operator_id[:8]}-{ctx.subtask_index}-{ctx.attempt}"

    def write(self, batch: Batch) -> None:
        """Keep the rows; one that does not fit its type is named."""
        self._rows.extend(map(self._write, batch.values))

    def flush(self) -> None:
        """Nothing is written before its checkpoint is complete."""

    def prepare_commit(self, checkpoint_id: int) -> list[dict[str, Any]]:
        """The rows and a mark of their own."""
        if not self._rows:
            return []
        rows, self._rows = self._rows, []
        return [{"mark": f"{self._who}-{checkpoint_id}-{uuid.uuid4().hex[:8]}", "rows": rows}]

    def snapshot(self) -> list[dict[str, Any]]:
        """No state."""
        return []

    def close(self) -> None:
        """Nothing to release."""


class LogCommitter:
    """Writes rows and mark in one transaction; skips what is marked."""

    def __init__(self, sink: JdbcSinkDefinition) -> None:
        self._sink = sink
        self._log = sink.log or CommitLog()
        self._database = sink.database()
        self._session = Session(self._database, sink.max_retries)
        self._names = sink.row_type.get_field_names()
        self._read = reader(sink.row_type)
        self._is_ready = False

    def open(self, ctx: SinkContext) -> None:
        """The table is made at the first commit."""

    def commit(self, committables: Sequence[Mapping[str, Any]]) -> None:
        """Commit each; safe to repeat."""
        for committable in committables:
            self._prepare_log()
            rows = [
                [self._database.value(field) for field in row_values(self._read(row), self._names)]
                for row in committable["rows"]
            ]
            self._commit(str(committable["mark"]), rows)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _commit(self, mark: str, rows: Sequence[Sequence[Any]]) -> None:
        insert = self._database.statement(
            f"INSERT INTO {self._log.table} (mark, written) VALUES (?, ?) ON CONFLICT (mark) DO NOTHING"  # noqa: S608
        )
        statement = self._database.statement(self._sink.sql)
        now = int(time.time())

        def act(cursor: Any) -> None:
            cursor.execute(insert, (mark, now))
            if cursor.rowcount:
                cursor.executemany(statement, rows)

        self._session.transact(act, self._sink.sql, rows)

    def _prepare_log(self) -> None:
        if self._is_ready:
            return
        table = self._log.table
        make = f"CREATE TABLE IF NOT EXISTS {table} (mark VARCHAR(100) PRIMARY KEY, written BIGINT NOT NULL)"
        self._session.transact(lambda cursor: cursor.execute(make), make)
        forget = f"DELETE FROM {table} WHERE written < ?"  # noqa: S608
        oldest = int(time.time() - datetime.timedelta(days=self._log.keep_days).total_seconds())
        statement = self._database.statement(forget)
        self._session.transact(lambda cursor: cursor.execute(statement, (oldest,)), forget)
        self._is_ready = True
