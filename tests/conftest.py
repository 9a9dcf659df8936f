"""Options of every test run."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# Examples are judged by what they find, never by how fast a busy machine makes them.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")


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
