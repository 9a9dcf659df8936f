"""Options of every test run."""

import pytest
from hypothesis import HealthCheck, settings

# Examples are judged by what they find, never by how fast a busy machine makes them.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", default=False, help="write golden files instead of comparing"
    )
