"""Golden files of blue/green rollouts; `--update-golden` writes them anew for review."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operator.blue_green.sides import World

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def sides() -> World:
    return World()


@pytest.fixture
def golden_sides(request: pytest.FixtureRequest) -> Callable[[World], None]:
    def check(world: World) -> None:
        path = GOLDEN / f"{request.node.name.removeprefix('test_')}.txt"
        text = "\n".join(world.lines) + "\n"
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: run with --update-golden and read it"
        assert text == path.read_text(encoding="utf-8")

    return check
