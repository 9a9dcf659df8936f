"""PyFlink's JDBC sink classes. Re-exported by `penstock.datastream.connectors.jdbc`; open no connection."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from penstock.common.typeinfo import RowTypeInfo, TypeInformation
from penstock.connectors.jdbc.sink import CommitLog, JdbcSinkDefinition
from penstock.connectors.public import Sink


@dataclass(frozen=True)
class JdbcConnectionOptions:
    """Where the database is; made by its builder."""

    url: str
    driver_name: str | None = None
    user_name: str | None = None
    password: str | None = None
    JdbcConnectionOptionsBuilder: ClassVar[type]

    def get_db_url(self) -> str:
        """The URL."""
        return self.url

    def get_driver_name(self) -> str | None:
        """The Java driver that was named; it is not used."""
        return self.driver_name

    def get_user_name(self) -> str | None:
        """The user."""
        return self.user_name

    def get_password(self) -> str | None:
        """The password."""
        return self.password

    def __repr__(self) -> str:
        return f"JdbcConnectionOptions({self.url.split('?')[0]!r}, user {self.user_name!r})"


class JdbcConnectionOptionsBuilder:
    """Collects the connection's settings."""

    def __init__(self) -> None:
        self._options = JdbcConnectionOptions("")

    def with_url(self, url: str) -> Self:
        """`jdbc:postgresql://host:port/database` or `jdbc:sqlite:/path`."""
        self._options = replace(self._options, url=url)
        return self

    def with_driver_name(self, driver_name: str) -> Self:
        """Kept for compatibility: the URL says which database it is."""
        self._options = replace(self._options, driver_name=driver_name)
        return self

    def with_user_name(self, user_name: str) -> Self:
        """The user."""
        self._options = replace(self._options, user_name=user_name)
        return self

    def with_password(self, password: str) -> Self:
        """The password."""
        self._options = replace(self._options, password=password)
        return self

    def build(self) -> JdbcConnectionOptions:
        """The options; an error if there is no URL."""
        if not self._options.url:
            raise ValueError("the JDBC connection has no URL: call with_url()")
        return self._options


JdbcConnectionOptions.JdbcConnectionOptionsBuilder = JdbcConnectionOptionsBuilder


@dataclass(frozen=True)
class JdbcExecutionOptions:
    """How rows are batched and retried; made by its builder."""

    batch_interval_ms: int = 0
    batch_size: int = 5000
    max_retries: int = 3

    class Builder:
        """Collects the options."""

        def __init__(self) -> None:
            self._options = JdbcExecutionOptions()

        def with_batch_interval_ms(self, batch_interval_ms: int) -> Self:
            """Write what there is after so many milliseconds; 0: only full batches and at checkpoints."""
            return self._set("batch_interval_ms", batch_interval_ms, 0)

        def with_batch_size(self, batch_size: int) -> Self:
            """So many rows in one transaction."""
            return self._set("batch_size", batch_size, 1)

        def with_max_retries(self, max_retries: int) -> Self:
            """Try again so often when the connection fails."""
            return self._set("max_retries", max_retries, 0)

        def build(self) -> "JdbcExecutionOptions":
            """The options."""
            return self._options

        def _set(self, name: str, value: int, least: int) -> Self:
            if value < least:
                raise ValueError(f"the JDBC option {name} must be at least {least}, not {value}")
            self._options = replace(self._options, **{name: value})
            return self

    @staticmethod
    def builder() -> "JdbcExecutionOptions.Builder":
        """A new builder."""
        return JdbcExecutionOptions.Builder()

    @staticmethod
    def defaults() -> "JdbcExecutionOptions":
        """5000 rows, no interval, 3 retries."""
        return JdbcExecutionOptions()

    def get_batch_interval_ms(self) -> int:
        """The interval."""
        return self.batch_interval_ms

    def get_batch_size(self) -> int:
        """The size."""
        return self.batch_size

    def get_max_retries(self) -> int:
        """The retries."""
        return self.max_retries


class JdbcSink(Sink):
    """The JDBC sink, for `stream.add_sink` and `stream.sink_to`; made by `sink` or `exactly_once_sink`."""

    def __init__(self, definition: JdbcSinkDefinition) -> None:
        self._definition = definition

    def connector_sink(self) -> JdbcSinkDefinition:
        """What the sink operator runs."""
        return self._definition

    @staticmethod
    def sink(
        sql: str,
        type_info: RowTypeInfo | TypeInformation,
        jdbc_connection_options: JdbcConnectionOptions,
        jdbc_execution_options: JdbcExecutionOptions | None = None,
    ) -> "JdbcSink":
        """At least once; with an upsert (`INSERT … ON CONFLICT (key) DO UPDATE …`) repeats leave no trace."""
        return JdbcSink(_definition(sql, type_info, jdbc_connection_options, jdbc_execution_options, None))

    @staticmethod
    def exactly_once_sink(
        sql: str,
        type_info: RowTypeInfo | TypeInformation,
        jdbc_connection_options: JdbcConnectionOptions,
        jdbc_execution_options: JdbcExecutionOptions | None = None,
        log_table: str = "penstock_commits",
    ) -> "JdbcSink":
        """Exactly once by a log of commits in the same database (not in PyFlink; Flink's needs XA).

        The rows of one checkpoint interval are held in memory and in the checkpoint: for moderate rates.
        """
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", log_table):
            raise ValueError(f"{log_table!r} is not the name of a table")
        log = CommitLog(log_table)
        return JdbcSink(_definition(sql, type_info, jdbc_connection_options, jdbc_execution_options, log))


def _definition(
    sql: str,
    type_info: TypeInformation,
    connection: JdbcConnectionOptions,
    execution: JdbcExecutionOptions | None,
    log: CommitLog | None,
) -> JdbcSinkDefinition:
    if not isinstance(type_info, RowTypeInfo):
        raise TypeError(f"the JDBC sink writes rows, not {type_info!r}: give Types.ROW([...]) and map to Row")
    options = execution or JdbcExecutionOptions()
    return JdbcSinkDefinition(
        sql=sql,
        row_type=type_info,
        url=connection.url,
        user=connection.user_name,
        password=connection.password,
        batch_size=options.batch_size,
        interval_ms=options.batch_interval_ms,
        max_retries=options.max_retries,
        log=log,
    )
