"""Durations in Flink's spelling."""

from datetime import timedelta

import pytest

from penstock_operator.model.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15 s", 15), ("1min", 60), ("5 MINUTE", 300), ("2 hours", 7200), ("250", 0.25), ("1 d", 86400)],
)
def test_flink_spellings(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1 s", "1.5 s", "3 fortnights"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)
