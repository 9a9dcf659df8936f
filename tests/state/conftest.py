"""Backends under test: each kind, made for a range of key groups, closed at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.state.backends import KeyedPlace, make_backend
from penstock.state.contract import SlotBackend

GROUPS = 16
MakeBackend = Callable[..., SlotBackend]


@pytest.fixture(params=["hashmap", "rocksdb"])
def kind(request: pytest.FixtureRequest) -> str:
    """Every kind of backend."""
    return str(request.param)


@pytest.fixture
def make(kind: str, tmp_path: Path) -> Iterator[MakeBackend]:
    """Make a backend of that kind; `first` and `last` default to all groups."""
    made: list[SlotBackend] = []

    def make_one(first: int = 0, last: int = GROUPS - 1, chosen: str = kind, **settings: str) -> SlotBackend:
        configuration = {
            "state.backend.type": chosen,
            "state.backend.rocksdb.localdir": str(tmp_path / "local"),
            "state.backend.rocksdb.memory.fixed-per-slot": "8mb",
            **settings,
        }
        made.append(make_backend(KeyedPlace(GROUPS, first, last, "counter"), configuration))
        return made[-1]

    yield make_one
    for backend in made:
        backend.close()
    assert not list((tmp_path / "local").glob("*")) if (tmp_path / "local").exists() else True
