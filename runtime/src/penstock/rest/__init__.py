"""Flink's REST API over the JobManager, and the internal app of TaskManagers and programs."""
