"""Rows into relational databases, in PyFlink's place."""

from penstock.connectors.jdbc.api import (
    JdbcConnectionOptions,
    JdbcConnectionOptionsBuilder,
    JdbcExecutionOptions,
    JdbcSink,
)

__all__ = ["JdbcConnectionOptions", "JdbcConnectionOptionsBuilder", "JdbcExecutionOptions", "JdbcSink"]
