"""Fixtures of the operator's tests: golden files, and a fresh simulated world."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from tests.operator.simulation import BASE, World

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def world() -> World:
    return World(FlinkDeployment.from_wire(copy.deepcopy(BASE)))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[World], None]:
    """Compare a rollout with its golden file; `--update-golden` writes it."""

    def check(world: World) -> None:
        path = GOLDEN / f"{request.node.name.removeprefix('test_')}.txt"
        text = "\n".join(world.lines) + "\n"
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: run with --update-golden and read it"
        assert text == path.read_text(encoding="utf-8")

    return check
