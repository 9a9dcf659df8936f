"""The JDBC sink on SQLite: batches, intervals, upserts, exactly once, and what is refused."""

import dataclasses
import datetime
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from penstock.common.time import Instant
from penstock.common.typeinfo import Types
from penstock.common.types import Row
from penstock.connectors.jdbc.api import (
    JdbcConnectionOptions,
    JdbcConnectionOptionsBuilder,
    JdbcExecutionOptions,
    JdbcSink,
)
from penstock.connectors.jdbc.databases import Postgres, count_placeholders, database_of, with_placeholders
from penstock.connectors.jdbc.errors import DatabaseUnavailable, RowRefused, StatementRefused, UnusableUrl
from penstock.connectors.jdbc.sink import JdbcSinkDefinition
from penstock.operators.contract import Batch
from tests.integration.sink_context import sink_context
from tests.servers.process import wait_until

PAIR = Types.ROW([Types.INT(), Types.STRING()])
INSERT = "INSERT INTO pairs VALUES (?, ?)"
UPSERT = "INSERT INTO pairs VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE pairs (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        connection.commit()
    return tmp_path / "a.db"


def options(path: Path) -> JdbcConnectionOptions:
    return JdbcConnectionOptionsBuilder().with_url(f"jdbc:sqlite:{path}").with_driver_name("x.Driver").build()


def definition(path: Path, sql: str = INSERT, **execution: int) -> JdbcSinkDefinition:
    builder = JdbcExecutionOptions.builder()
    for name, value in execution.items():
        builder = getattr(builder, f"with_{name}")(value)
    sink = JdbcSink.sink(sql, PAIR, options(path), builder.build())
    found = cloudpickle.loads(cloudpickle.dumps(sink)).connector_sink()
    assert isinstance(found, JdbcSinkDefinition)
    return found


def opened(sink: JdbcSinkDefinition, attempt: int = 1) -> Any:
    writer = sink.create_writer()
    writer.open(dataclasses.replace(sink_context(0, 1), attempt=attempt), [], None)
    return writer


def rows(path: Path, sql: str = "SELECT * FROM pairs ORDER BY id") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_full_batches_are_written_at_once_and_the_rest_at_the_barrier(path: Path) -> None:
    writer = opened(definition(path, batch_size=2))
    writer.write(Batch([Row(1, "a"), (2, "b"), Row(3, "c")]))
    assert rows(path) == [(1, "a"), (2, "b")]
    assert writer.prepare_commit(1) == []
    assert rows(path) == [(1, "a"), (2, "b"), (3, "c")]
    writer.close()


def test_an_interval_writes_what_there_is(path: Path) -> None:
    writer = opened(definition(path, batch_interval_ms=20))
    writer.write(Batch([Row(1, "a")]))
    wait_until(lambda: rows(path) == [(1, "a")], "the interval", 60)
    writer.close()


def test_upserts_may_be_repeated(path: Path) -> None:
    writer = opened(definition(path, UPSERT))
    for _ in range(2):
        writer.write(Batch([Row(1, "a"), Row(1, "b")]))
        writer.flush()
    assert rows(path) == [(1, "b")]
    writer.close()


def test_a_row_that_is_refused_is_shown_and_the_batch_is_not_written(path: Path) -> None:
    writer = opened(definition(path))
    writer.write(Batch([Row(1, "a"), Row(2, None)]))
    with pytest.raises(RowRefused, match=r"row 2 of 2, \(2, None\)"):
        writer.flush()
    assert rows(path) == []
    writer.close()


def test_a_statement_that_is_refused_is_shown(path: Path) -> None:
    writer = opened(definition(path, "INSERT INTO nowhere VALUES (?, ?)"))
    writer.write(Batch([Row(1, "a")]))
    with pytest.raises(StatementRefused, match="no such table: nowhere"):
        writer.flush()
    writer.close()


def test_a_locked_database_is_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.connectors.jdbc import databases

    monkeypatch.setattr(databases, "_CONNECT_SECONDS", 0.05)
    writer = opened(definition(path, max_retries=1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writer.write(Batch([Row(1, "a")]))
        with pytest.raises(DatabaseUnavailable, match="locked"):
            writer.flush()
        other.execute("ROLLBACK")
        writer.flush()
    assert rows(path) == [(1, "a")]
    writer.close()


def test_exactly_once_writes_with_the_commit_and_only_once(path: Path) -> None:
    sink = JdbcSink.exactly_once_sink(INSERT, PAIR, options(path)).connector_sink()
    writer, committer = opened(sink), sink.create_committer()
    assert committer is not None
    committer.open(sink_context(0, 1))
    writer.write(Batch([Row(1, "a"), Row(2, "b")]))
    prepared = writer.prepare_commit(1)
    writer.write(Batch([Row(3, "after the barrier")]))
    assert rows(path) == []
    committer.commit(prepared)
    committer.commit(prepared)
    assert rows(path) == [(1, "a"), (2, "b")]
    committer.close()
    again = sink.create_committer()
    assert again is not None
    again.open(sink_context(0, 1))
    again.commit(prepared)
    assert rows(path, "SELECT count(*) FROM penstock_commits") == [(1,)]
    assert opened(sink, 2).prepare_commit(2) == []
    again.close()
    writer.close()


def test_values_that_sqlite_lacks_become_text(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE moments (a, b, c, d)")
        connection.commit()
    types = Types.ROW([Types.BIG_DEC(), Types.SQL_DATE(), Types.SQL_TIMESTAMP(), Types.INSTANT()])
    row = Row(
        Decimal("1.50"),
        datetime.date(2026, 1, 2),
        datetime.datetime.fromisoformat("2026-01-02T03:04:05"),
        Instant(0, 0),
    )
    for make in (JdbcSink.sink, JdbcSink.exactly_once_sink):
        sink = make("INSERT INTO moments VALUES (?, ?, ?, ?)", types, options(path)).connector_sink()
        writer, committer = opened(sink), sink.create_committer()
        writer.write(Batch([row]))
        prepared = writer.prepare_commit(1)
        if committer is not None:
            committer.open(sink_context(0, 1))
            committer.commit(prepared)
            committer.close()
        writer.close()
    expected = ("1.50", "2026-01-02", "2026-01-02 03:04:05", "1970-01-01T00:00:00+00:00")
    assert rows(path, "SELECT * FROM moments") == [expected, expected]


def test_statements_and_rows_must_agree(path: Path) -> None:
    with pytest.raises(ValueError, match="has 1 question marks, but rows have 2 fields"):
        JdbcSink.sink("INSERT INTO pairs VALUES (?, 'what?')", PAIR, options(path))
    with pytest.raises(TypeError, match="writes rows"):
        JdbcSink.sink(INSERT, Types.STRING(), options(path))
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        JdbcExecutionOptions.builder().with_batch_size(0)
    with pytest.raises(ValueError, match="call with_url"):
        JdbcConnectionOptionsBuilder().build()


def test_placeholders_are_found_outside_quotes_only() -> None:
    sql = (
        """INSERT INTO "a?b" VALUES (?, '?', ?) -- why?\n/* ? */ ON CONFLICT (x) DO UPDATE SET y = z ?? 'k'"""
    )
    assert count_placeholders(sql) == 2
    assert with_placeholders(sql, "%s").count("%s") == 2
    assert "z ? 'k'" in with_placeholders(sql, "%s")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("jdbc:mysql://h/db", "no database of kind 'mysql'"),
        ("jdbc:sqlite:", "names no file"),
        ("jdbc:postgresql:", "names no database"),
    ],
)
def test_urls_that_name_no_database_are_refused(url: str, said: str) -> None:
    with pytest.raises(UnusableUrl, match=said):
        database_of(url)


def test_a_url_is_read_as_java_reads_it_and_no_password_is_shown() -> None:
    url = "jdbc:postgresql://db:6432/shop?user=u&password=hush&sslmode=require&currentSchema=s&loglevel=2"
    found = database_of(url)
    assert isinstance(found, Postgres)
    assert dict(found.parameters) == {
        "host": "db",
        "port": "6432",
        "dbname": "shop",
        "user": "u",
        "password": "hush",
        "sslmode": "require",
        "options": "-c search_path=s",
        "connect_timeout": "10",
    }
    connection = JdbcConnectionOptionsBuilder().with_url(url).with_password("hush").build()
    sink = JdbcSink.sink(INSERT, PAIR, connection)
    assert "hush" not in repr(connection) + repr(sink.connector_sink())
