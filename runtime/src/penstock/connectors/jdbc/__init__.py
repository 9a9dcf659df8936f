"""Rows into relational databases: PostgreSQL and SQLite."""
