"""A key selector that only takes an item runs without a Python call; any other stays what it is."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest

from penstock.taskmanager.getters import as_getter

NAME = "user"


@pytest.mark.parametrize(
    ("function", "record", "key"),
    [
        (lambda pair: pair[0], ("a", 1), "a"),
        (lambda pair: pair[-1], ("a", 1), 1),
        (lambda click: click["user"], {"user": "b"}, "b"),
    ],
)
def test_item_access_becomes_a_getter(function: Callable[[Any], Any], record: Any, key: Any) -> None:
    getter = as_getter(function)
    assert isinstance(getter, itemgetter)
    assert getter(record) == function(record) == key


def with_default(pair: Any, other: Any = 1) -> Any:
    return pair[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda pair: pair[0][1],
        lambda pair: pair[0] + 1,
        lambda click: click[NAME],
        lambda a, b: a[0],
        lambda *pair: pair[0],
        with_default,
        len,
        itemgetter(1),
    ],
)
def test_others_stay(function: Callable[..., Any]) -> None:
    assert as_getter(function) is function
