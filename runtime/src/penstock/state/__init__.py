"""Keyed and operator state: by key group, snapshotted without stopping the records."""
