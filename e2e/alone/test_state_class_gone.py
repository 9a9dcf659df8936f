"""A new version without a class that old state needs: one clear reason within 30 s, and the old state is there when corrected.

Runs while no other test does: the half minute holds the old version's stop with a savepoint and the start of the new one's pods.
"""

from __future__ import annotations

from e2e.clicks import click_lines
from e2e.job import PROGRAMS, Job


def test_a_state_class_that_is_gone(job: Job) -> None:
    lines = click_lines(600)
    job.topics.send(lines[:300])
    job.program((PROGRAMS / "clicks_class.py").read_text())
    job.apply()
    job.wait_running()
    job.topics.wait_exact(lines[:300])
    job.program((PROGRAMS / "clicks_class.py").read_text().replace("Tally", "Ledger"))
    job.apply(restartNonce=1)
    job.wait_reason("StateIncompatible")
    job.program((PROGRAMS / "clicks_class.py").read_text())
    job.apply(restartNonce=2)
    job.topics.send(lines[300:])
    job.wait_running()
    job.topics.wait_exact(lines)
