"""The databases that a JDBC URL may name, each behind one small port: connect, execute many, tell errors apart.

Used by the writers and the committer. A URL is read as Java's drivers read it; passwords appear in no message.
"""

import datetime
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from penstock.common.time import Instant
from penstock.connectors.jdbc.errors import DatabaseUnavailable, UnusableUrl

_CONNECT_SECONDS = 10
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# Serialization failures and deadlocks go away when tried again; so do servers that are starting or stopping.
_PASSING_STATES = ("08", "40", "53", "57P", "55P03")


class Blame(Enum):
    """Whose fault an error of the database is."""

    CONNECTION = "connection"
    STATEMENT = "statement"
    ROW = "row"


class Database(Protocol):
    """One kind of database."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    def connect(self) -> Any:
        """A connection (DB API 2) outside any transaction; `DatabaseUnavailable` if there is none to be had."""
        ...

    def statement(self, sql: str) -> str:
        """The statement with the driver's own placeholders in place of question marks."""
        ...

    def value(self, value: Any) -> Any:
        """A field's value as the driver takes it."""
        ...

    def blame(self, error: Exception) -> Blame | None:
        """Whose fault an error is; None if it is not the driver's."""
        ...


@dataclass(frozen=True)
class Postgres:
    """PostgreSQL, by psycopg."""

    parameters: tuple[tuple[str, str], ...]
    where: str
    name: str = "PostgreSQL"

    def connect(self) -> Any:
        """A connection."""
        psycopg = _psycopg()
        try:
            return psycopg.connect(**dict(self.parameters))
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"{self.where}: {str(error).strip()}") from error

    def statement(self, sql: str) -> str:
        """With %s."""
        return with_placeholders(sql.replace("%", "%%"), "%s")

    def value(self, value: Any) -> Any:
        """Nearly as it is."""
        return _moment(value) if isinstance(value, Instant) else value

    def blame(self, error: Exception) -> Blame | None:
        """By SQLSTATE."""
        psycopg = _psycopg()
        if not isinstance(error, psycopg.Error):
            return None
        state = error.sqlstate or ""
        if isinstance(error, psycopg.InterfaceError) or state.startswith(_PASSING_STATES):
            return Blame.CONNECTION
        if not state:
            is_lost = isinstance(error, psycopg.OperationalError)
            return Blame.CONNECTION if is_lost else Blame.ROW
        return (
            Blame.STATEMENT if state.startswith(("42", "0A", "28", "3D")) and state != "42804" else Blame.ROW
        )


@dataclass(frozen=True)
class SQLite:
    """A SQLite file, by the library of Python."""

    path: str
    name: str = "SQLite"

    def connect(self) -> Any:
        """A connection; the file is made where it is not there."""
        try:
            connection = sqlite3.connect(self.path, timeout=_CONNECT_SECONDS, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailable(f"sqlite {self.path}: {error}") from error
        return connection

    def statement(self, sql: str) -> str:
        """Question marks it has itself."""
        return sql

    def value(self, value: Any) -> Any:
        """SQLite knows numbers, text and bytes."""
        if isinstance(value, Instant):
            return _moment(value).isoformat()
        if isinstance(value, datetime.date | datetime.time):
            return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
        return str(value) if isinstance(value, Decimal) else value

    def blame(self, error: Exception) -> Blame | None:
        """By class and text: SQLite has one class for many things."""
        if not isinstance(error, sqlite3.Error):
            return None
        if isinstance(error, sqlite3.OperationalError):
            is_busy = any(word in str(error) for word in ("locked", "busy", "disk I/O", "unable to open"))
            return Blame.CONNECTION if is_busy else Blame.STATEMENT
        return Blame.ROW if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError) else Blame.STATEMENT


def database_of(url: str, user: str | None = None, password: str | None = None) -> Database:
    """The database that a JDBC URL names."""
    plain = url.removeprefix("jdbc:")
    if plain.startswith(("postgresql:", "postgres:")):
        return _postgres(plain, user, password)
    if plain.startswith("sqlite:"):
        path = plain.removeprefix("sqlite:").removeprefix("//")
        if not path:
            raise UnusableUrl("the URL jdbc:sqlite: names no file: write jdbc:sqlite:/folder/file.db")
        return SQLite(path)
    kind = plain.split(":", 1)[0]
    raise UnusableUrl(
        f"no database of kind {kind!r} can be written: the JDBC sink knows jdbc:postgresql://host:port/database and "
        "jdbc:sqlite:/path. For another write a sink of your own (docs/how-to/extend)"
    )


def with_placeholders(sql: str, mark: str) -> str:
    """Question marks outside quotes and comments become `mark`; `??` is a plain question mark, as in JDBC."""
    pieces = re.split(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/)", sql, flags=re.DOTALL)
    for number in range(0, len(pieces), 2):
        pieces[number] = re.sub(r"\?\??", lambda found: mark if found[0] == "?" else "?", pieces[number])
    return "".join(pieces)


def count_placeholders(sql: str) -> int:
    """How many values a statement wants."""
    return with_placeholders(sql, "\0").count("\0")


def find_refused(execute: Callable[[Sequence[Any]], Any], rows: Sequence[Sequence[Any]]) -> int | None:
    """The first row that the database refuses by itself; None if each goes."""
    for number, row in enumerate(rows):
        try:
            execute(row)
        except Exception:  # noqa: BLE001 - any driver's error counts; the caller has the one that matters
            return number
    return None


def _postgres(plain: str, user: str | None, password: str | None) -> Postgres:
    parts = urlsplit(plain)
    if not parts.hostname and not parts.path.strip("/"):
        raise UnusableUrl(
            f"jdbc:{parts.scheme}: names no database: write jdbc:postgresql://host:5432/database"
        )
    parameters = {
        "host": parts.hostname or "localhost",
        "port": str(parts.port or 5432),
        "dbname": unquote(parts.path.strip("/")) or "postgres",
        "connect_timeout": str(_CONNECT_SECONDS),
    }
    known = {
        "user": "user",
        "password": "password",
        "sslmode": "sslmode",
        "sslrootcert": "sslrootcert",
        "sslcert": "sslcert",
        "sslkey": "sslkey",
        "ApplicationName": "application_name",
        "connectTimeout": "connect_timeout",
        "options": "options",
    }
    for key, value in parse_qsl(parts.query):
        if key == "currentSchema":
            parameters["options"] = f"-c search_path={value}"
        elif key in known:
            parameters[known[key]] = value
    if user or parts.username:
        parameters["user"] = user or unquote(parts.username or "")
    if password or parts.password:
        parameters["password"] = password or unquote(parts.password or "")
    where = f"postgresql {parameters['host']}:{parameters['port']}/{parameters['dbname']}"
    return Postgres(tuple(sorted(parameters.items())), where)


def _psycopg() -> Any:
    try:
        import psycopg
    except ModuleNotFoundError as error:
        raise UnusableUrl("PostgreSQL needs the extra 'jdbc': pip install 'penstock[jdbc]'") from error
    return psycopg


def _moment(value: Instant) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
