"""Memory is read once it stands still, not after a fixed time."""

from collections.abc import Iterator

import pytest

from benchmarks import memory


def test_readings_go_on_until_they_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.memory.time.sleep", lambda _seconds: None)
    values: Iterator[float] = iter([10.0, 40.0, 60.0, 60.0, 60.1, 60.1, 99.0])
    memory.until_steady(lambda: next(values))
    assert next(values) == 99.0
