"""The JDBC sink on a real PostgreSQL server: types, upserts, exactly once, refusals, and a server that restarts."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from penstock.common.time import Instant
from penstock.common.typeinfo import Types
from penstock.common.types import Row
from penstock.connectors.jdbc.api import JdbcConnectionOptions, JdbcConnectionOptionsBuilder, JdbcSink
from penstock.connectors.jdbc.errors import DatabaseUnavailable, RowRefused, StatementRefused
from penstock.operators.contract import Batch
from tests.integration.sink_context import sink_context
from tests.servers import PostgresServer
from tests.servers.process import free_port

pytestmark = pytest.mark.integration

PAIR = Types.ROW([Types.INT(), Types.STRING()])


@pytest.fixture
def table(postgres: PostgresServer) -> str:
    name = f"t{uuid.uuid4().hex[:10]}"
    execute(postgres, f"CREATE TABLE {name} (id INT PRIMARY KEY, name TEXT NOT NULL)")
    return name


def execute(postgres: PostgresServer, sql: str) -> list[Any]:
    # The server takes connections a moment before it lets anybody in.
    connect = retry(
        retry=retry_if_exception_type(psycopg.OperationalError),
        stop=stop_after_delay(30),
        wait=wait_fixed(0.1),
    )
    with connect(psycopg.connect)(postgres.dsn) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def options(postgres: PostgresServer) -> JdbcConnectionOptions:
    url = f"jdbc:postgresql://{postgres.endpoint}/postgres"
    return JdbcConnectionOptionsBuilder().with_url(url).with_user_name("postgres").build()


def opened(sink: JdbcSink) -> Any:
    writer = sink.connector_sink().create_writer()
    writer.open(sink_context(0, 1), [], None)
    return writer


def test_upserts_in_batches(postgres: PostgresServer, table: str) -> None:
    sql = f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name || '%'"
    writer = opened(JdbcSink.sink(sql, PAIR, options(postgres)))
    writer.write(Batch([Row(n, f"n{n}") for n in range(7_000)]))
    writer.write(Batch([Row(5, "five")]))
    writer.flush()
    writer.close()
    assert execute(postgres, f"SELECT count(*) FROM {table}") == [(7000,)]
    assert execute(postgres, f"SELECT name FROM {table} WHERE id = 5") == [("five%",)]


def test_every_type_arrives(postgres: PostgresServer) -> None:
    name = f"t{uuid.uuid4().hex[:10]}"
    execute(
        postgres,
        f"CREATE TABLE {name} (a NUMERIC, b DATE, c TIMESTAMP, d TIMESTAMPTZ, e BYTEA, f TEXT[], g BOOL)",
    )
    types = Types.ROW(
        [
            Types.BIG_DEC(),
            Types.SQL_DATE(),
            Types.SQL_TIMESTAMP(),
            Types.INSTANT(),
            Types.PRIMITIVE_ARRAY(Types.BYTE()),
            Types.LIST(Types.STRING()),
            Types.BOOLEAN(),
        ]
    )
    moment = datetime.datetime.fromisoformat("2026-01-02T03:04:05")
    row = Row(Decimal("1.50"), moment.date(), moment, Instant(60, 0), b"\x00\xff", ["x"], True)
    for make in (JdbcSink.sink, JdbcSink.exactly_once_sink):
        sink = make(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?)", types, options(postgres))
        writer, committer = opened(sink), sink.connector_sink().create_committer()
        writer.write(Batch([row, Row(*[None] * 7)]))
        prepared = writer.prepare_commit(1)
        if committer is not None:
            committer.open(sink_context(0, 1))
            committer.commit(prepared)
            committer.close()
        writer.close()
    instant = datetime.datetime(1970, 1, 1, 0, 1, tzinfo=datetime.UTC)
    found = execute(postgres, f"SELECT * FROM {name} WHERE a IS NOT NULL")
    assert found == [(Decimal("1.50"), moment.date(), moment, instant, b"\x00\xff", ["x"], True)] * 2


def test_exactly_once_through_a_killed_server() -> None:
    with PostgresServer() as postgres:
        execute(postgres, "CREATE TABLE pairs (id INT PRIMARY KEY, name TEXT)")
        sink = JdbcSink.exactly_once_sink("INSERT INTO pairs VALUES (?, ?)", PAIR, options(postgres))
        writer, committer = opened(sink), sink.connector_sink().create_committer()
        assert committer is not None
        committer.open(sink_context(0, 1))
        writer.write(Batch([Row(1, "a")]))
        first = writer.prepare_commit(1)
        committer.commit(first)
        postgres.kill()
        postgres.start()
        writer.write(Batch([Row(2, "b")]))
        committer.commit([*first, *writer.prepare_commit(2)])
        assert execute(postgres, "SELECT * FROM pairs ORDER BY id") == [(1, "a"), (2, "b")]
        committer.close()
        writer.close()


def test_a_writer_goes_on_after_its_server_restarted() -> None:
    with PostgresServer() as postgres:
        execute(postgres, "CREATE TABLE pairs (id INT PRIMARY KEY, name TEXT)")
        writer = opened(JdbcSink.sink("INSERT INTO pairs VALUES (?, ?)", PAIR, options(postgres)))
        writer.write(Batch([Row(1, "a")]))
        writer.flush()
        postgres.restart()
        writer.write(Batch([Row(2, "b")]))
        writer.flush()
        assert execute(postgres, "SELECT count(*) FROM pairs") == [(2,)]
        writer.close()


def test_refusals_are_named(postgres: PostgresServer, table: str) -> None:
    twice = opened(JdbcSink.sink(f"INSERT INTO {table} VALUES (?, ?)", PAIR, options(postgres)))
    twice.write(Batch([Row(1, "a"), Row(2, "b"), Row(1, "c")]))
    with pytest.raises(RowRefused, match=r"row 3 of 3, \(1, 'c'\)"):
        twice.flush()
    twice.close()
    assert execute(postgres, f"SELECT count(*) FROM {table}") == [(0,)]
    wrong = opened(JdbcSink.sink("INSERT INTO nowhere VALUES (?, ?)", PAIR, options(postgres)))
    wrong.write(Batch([Row(1, "a")]))
    with pytest.raises(StatementRefused, match="nowhere"):
        wrong.flush()
    wrong.close()
    nobody = JdbcConnectionOptionsBuilder().with_url(f"jdbc:postgresql://127.0.0.1:{free_port()}/x").build()
    away = opened(JdbcSink.sink("INSERT INTO t VALUES (?, ?)", PAIR, nobody))
    away.write(Batch([Row(1, "a")]))
    with pytest.raises(DatabaseUnavailable, match=r"postgresql 127\.0\.0\.1"):
        away.flush()
    away.close()
