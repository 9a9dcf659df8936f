"""The batch pass that says what the output must be, and the input's shape."""

import json
from collections import Counter

import pytest

from e2e.clicks import click_lines, expected_counts


def test_a_user_with_n_clicks_has_the_counts_one_to_n_once_each() -> None:
    lines = [json.dumps({"user": user}) for user in "abaca"]
    assert expected_counts(lines) == Counter(
        {("a", 1): 1, ("b", 1): 1, ("a", 2): 1, ("c", 1): 1, ("a", 3): 1}
    )


def test_generated_input_has_few_heavy_users_and_is_the_same_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PENSTOCK_TEST_DATA", raising=False)
    lines = click_lines(2_000)
    assert lines == click_lines(2_000)
    users = Counter(json.loads(line)["user"] for line in lines)
    assert 100 < len(users) < 2_000
    assert users.most_common(1)[0][1] > 10
