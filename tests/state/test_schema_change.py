"""State of a class that has changed since: what can be read is read, the rest is refused with class, field and advice."""

import dataclasses
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from penstock.state.codec import dump_state, load_state
from penstock.state.errors import StateIncompatible


@pytest.fixture
def program() -> Iterator[types.ModuleType]:
    """The program's module, whose classes change."""
    module = types.ModuleType("penstock_main_schema")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def put(module: types.ModuleType, made: Any) -> Any:
    made.__module__ = module.__name__
    made.__qualname__ = made.__name__ = "Visit"
    module.Visit = made  # type: ignore[attr-defined]
    return made


def declare(module: types.ModuleType, fields: list[Any], **more: Any) -> Any:
    return put(module, dataclasses.make_dataclass("Visit", fields, **more))


LAYOUTS = [{}, {"frozen": True}, {"slots": True}, {"slots": True, "frozen": True}]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_added_fields_get_their_defaults(program: types.ModuleType, layout: dict[str, Any]) -> None:
    old = declare(program, [("page", str)], **layout)
    data = dump_state({"a": [old("home"), old("cart")]})
    fields: list[Any] = [
        ("page", str),
        ("count", int, 3),
        ("tags", list, dataclasses.field(default_factory=list)),
        ("hidden", int, dataclasses.field(default=1, init=False)),
    ]
    now = declare(program, fields, **layout)
    home, cart = load_state(data, "x")["a"]
    assert type(home) is now
    assert home == now("home", 3, [])
    assert home.hidden == 1
    assert home.tags is not cart.tags
    assert load_state(dump_state(home), "x") == home


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_fields_may_change_places(program: types.ModuleType, layout: dict[str, Any]) -> None:
    data = dump_state(declare(program, [("page", str), ("user", str)], **layout)("home", "ann"))
    now = declare(program, [("user", str), ("page", str)], **layout)
    assert load_state(data, "x") == now("ann", "home")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_removed_and_renamed_fields_are_refused(program: types.ModuleType, layout: dict[str, Any]) -> None:
    data = dump_state(declare(program, [("page", str), ("user", str)], **layout)("home", "ann"))
    declare(program, [("page", str)], **layout)
    with pytest.raises(
        StateIncompatible, match=r"operator 'c'.*Visit no longer has the fields user.*keep them"
    ):
        load_state(data, "operator 'c'")
    declare(program, [("page", str), ("who", str, "")], **layout)
    with pytest.raises(StateIncompatible, match=r"a renamed field is a new one"):
        load_state(data, "operator 'c'")


def test_added_field_without_a_default_is_refused(program: types.ModuleType) -> None:
    data = dump_state(declare(program, [("page", str)])("home"))
    declare(program, [("page", str), ("user", str)])
    with pytest.raises(StateIncompatible, match=r"Visit has new fields \(user\).*give them defaults"):
        load_state(data, "x")


def test_named_tuples_grow_at_the_end(program: types.ModuleType) -> None:
    old = put(program, typing.NamedTuple("Visit", [("page", str), ("user", str)]))
    data = dump_state(old("home", "ann"))

    class Grown(typing.NamedTuple):
        page: str
        user: str
        visits: int = 7

    put(program, Grown)
    assert load_state(data, "x") == ("home", "ann", 7)
    put(program, typing.NamedTuple("Visit", [("visits", int), ("page", str), ("user", str)]))
    with pytest.raises(StateIncompatible, match="another order"):
        load_state(data, "x")
    put(program, typing.NamedTuple("Visit", [("page", str), ("visitor", str)]))
    with pytest.raises(StateIncompatible, match="no longer has the fields user"):
        load_state(data, "x")
    put(program, typing.NamedTuple("Visit", [("page", str), ("user", str), ("visits", int)]))
    with pytest.raises(StateIncompatible, match=r"new fields \(visits\)"):
        load_state(data, "x")


def test_annotated_classes(program: types.ModuleType) -> None:
    class Before:
        page: str

    visit = put(program, Before)()
    visit.page = "home"
    data = dump_state(visit)

    class Grown:
        page: str
        count: int = 4

    put(program, Grown)
    again = load_state(data, "x")
    assert (again.page, again.count) == ("home", 4)

    class Shrunk:
        count: int = 4

    put(program, Shrunk)
    with pytest.raises(StateIncompatible, match="no longer has the fields page"):
        load_state(data, "x")


def test_a_class_may_read_its_old_state_itself(program: types.ModuleType) -> None:
    data = dump_state(declare(program, [("page", str)])("home"))

    class Visit:
        def __setstate__(self, state: dict[str, Any]) -> None:
            self.url = state["page"]

    put(program, Visit)
    assert load_state(data, "x").url == "home"


def test_another_sort_of_class_is_refused(program: types.ModuleType) -> None:
    data = dump_state(declare(program, [("page", str)])("home"))

    class Visit:
        pass

    put(program, Visit)
    with pytest.raises(StateIncompatible, match="was a dataclass and is a class without declared fields now"):
        load_state(data, "x")


def test_plain_classes_and_builtin_values_need_no_shape(program: types.ModuleType) -> None:
    class Visit:
        def __init__(self) -> None:
            self.page = "home"

    put(program, Visit)
    assert load_state(dump_state(Visit()), "x").page == "home"
    value = {"a": (1, 2.5, None, b"\x93"), "b": [True, {"c"}]}
    assert load_state(dump_state(value), "x") == value
