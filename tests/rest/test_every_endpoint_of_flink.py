"""Every endpoint that Flink 2.3's dispatcher registers is routed here, and the reference page names every one of ours."""

import asyncio
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Match, Route

from penstock.jobmanager.master import Master
from penstock.rest.app import rest_app
from tests.rest.api_driver import JOB, Api

ENDPOINTS = (Path(__file__).parent / "flink_endpoints.txt").read_text().splitlines()
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rest-api.md"


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    async def app() -> Starlette:
        return rest_app(Master({}, "unused"), None, None, None)

    return [route for route in asyncio.run(app()).routes if isinstance(route, Route)]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_flinks_endpoint_is_routed(routes: list[Route], endpoint: str) -> None:
    method, path = endpoint.split()
    filled = re.sub(r":(\w+)", lambda found: "1" if found[1] in NUMBERS else "0" * 32, path)
    scope = {"type": "http", "method": method, "path": filled, "root_path": "", "headers": []}
    assert any(route.matches(scope)[0] is Match.FULL for route in routes), filled


NUMBERS = {"checkpointid", "subtaskindex", "attempt"}


def test_the_reference_page_names_every_endpoint(routes: list[Route]) -> None:
    named = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)`", PAGE.read_text(encoding="utf-8")))
    ours = {
        (method, re.sub(r"\{(\w+)(?::int)?\}", r":\1", route.path))
        for route in routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert named == ours


def test_a_graph_of_java_objects_is_refused_in_words(tmp_path: Path) -> None:
    api = Api(tmp_path)
    try:
        answer = api.ask("POST", "/v1/jobs", {})
        assert answer.status_code == 400
        assert "penstock run -m" in answer.json()["errors"][0]
        assert api.ask("GET", f"/jobs/{JOB}/rescaling/x").status_code == 404
    finally:
        api.close()
