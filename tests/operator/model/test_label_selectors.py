"""Label selectors choose here as they do at the API server."""

import pytest

from penstock_operator.model.selector import chosen_by, matches

GOLD = {"tier": "gold", "team/name": "a", "app.kubernetes.io/instance": "argo"}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "tier",
        "tier=gold",
        "tier == gold",
        "tier!=silver",
        "other!=gold",
        "!other",
        "tier in (gold, silver)",
        "tier notin (silver),team/name=a",
        "other notin (gold)",
    ],
)
def test_what_is_chosen(selector: str) -> None:
    assert matches(selector, GOLD)


@pytest.mark.parametrize(
    "selector", ["other", "tier=silver", "tier!=gold", "!tier", "tier in (silver,bronze)", "tier=gold,other"]
)
def test_what_is_not_chosen(selector: str) -> None:
    assert not matches(selector, GOLD)


def test_labels_that_a_selector_asks_about() -> None:
    assert chosen_by("tier in (gold, silver), !legacy,team/name=a", {**GOLD, "legacy": "no"}) == {
        "tier": "gold",
        "team/name": "a",
        "legacy": "no",
    }
    assert chosen_by("", GOLD) == {}
