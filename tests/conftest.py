"""Options of every test run."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# Examples are judged by what they find, never by how fast a busy machine makes them. They are the same in every run, so that
# nobody's change is refused for what an example finds by chance that day; PENSTOCK_EXPLORE=1 draws new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("penstock", settings.get_profile("explore"), derandomize=True)
settings.load_profile("explore" if os.environ.get("PENSTOCK_EXPLORE") else "penstock")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A run that left tests out says so in one sentence each why, where nobody overlooks it."""
    left_out = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    for reason, number in left_out.items():
        terminalreporter.write_line(
            f"NOT RUN: {number} tests. {reason.removeprefix('Skipped: ')}", yellow=True
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", default=False, help="write golden files instead of comparing"
    )
