"""Decisions on FlinkStateSnapshots: `planner.py` for each of them, `history.py` for which may go, `schedule.py` for when."""
