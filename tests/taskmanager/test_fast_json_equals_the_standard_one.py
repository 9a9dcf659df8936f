"""The slot's `json.loads` gives what the standard one gives, for every text, and raises what it raises."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.taskmanager.json_loads import loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
STANDARD = json.loads


def same(found: Any, expected: Any) -> bool:
    if type(found) is not type(expected):
        return False
    if isinstance(found, float):
        both_nan = math.isnan(found) and math.isnan(expected)
        return both_nan or (found == expected and math.copysign(1, found) == math.copysign(1, expected))
    if isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in found)
    return bool(found == expected)


@given(VALUES, st.booleans())
def test_values_survive_as_the_standard_library_has_them(value: Any, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert same(loads(text), STANDARD(text))


@given(st.text(alphabet='0123456789-+.eE{}[]",: \\ntrufalsNIy\ud800é\x00', max_size=12))
def test_any_text_has_the_same_fate(text: str) -> None:
    found, expected = fate_of(loads, text), fate_of(STANDARD, text)
    assert same(found, expected)


def fate_of(function: Callable[[str], Any], text: str) -> Any:
    try:
        return function(text)
    except (ValueError, RecursionError) as error:
        return [type(error).__name__, str(error)]


@pytest.mark.parametrize(
    "text",
    [
        "1E400",
        "-0",
        "-0.0",
        "-0e5",
        "123456789012345678901234567890",
        "0.1e-400",
        '{"a": 1, "b": 2, "a": 3}',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        "\ufeff1",
        " [1,\t2]\r\n",
        '{"a": NaN}',
        b'{"a": 1}',
        '{"a": "\u00e9"}'.encode("utf-16"),
        bytearray(b"[1]"),
        "2.5E+3",
        "18446744073709551616",
        "1.7976931348623159e308",
    ],
)
def test_corner_cases(text: Any) -> None:
    try:
        expected = STANDARD(text)
    except ValueError as error:
        with pytest.raises(type(error)):
            loads(text)
    else:
        assert same(loads(text), expected)


def test_hooks_are_called() -> None:
    assert loads('{"a": 1}', object_hook=lambda found: tuple(found)) == ("a",)
    with pytest.raises(TypeError):
        loads(12)
