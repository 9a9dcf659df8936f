"""A JobManager that stands by passes REST calls on to the leader, and never round in a circle."""

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from penstock.ha.contract import LeaderAddress
from penstock.launch.standby import passing_app
from tests.ha.election_in_memory import Election, Member


def ask(leader: Starlette | None) -> httpx.Response:
    """One call to a standby; `leader` None: the address on record is that of the standby itself."""

    async def call() -> httpx.Response:
        member = Member(Election(address=LeaderAddress(token="t", internal="unix:/x", rest="http://lead")))
        async with httpx.AsyncClient() as http:
            standby = passing_app(member, http)
            http._transport = httpx.ASGITransport(leader or standby)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(standby), base_url="http://standby"
            ) as client:
                return await client.get("/jobs?x=1", timeout=60)

    return asyncio.run(asyncio.wait_for(call(), 60))


def test_the_leader_answers_through_the_standby() -> None:
    async def jobs(request: Request) -> Response:
        return JSONResponse({"asked": str(request.url)}, 201)

    answer = ask(Starlette(routes=[Route("/jobs", jobs)]))
    assert (answer.status_code, answer.json()) == (201, {"asked": "http://lead/jobs?x=1"})


def test_a_standby_at_the_address_of_the_dead_leader_says_that_nobody_leads() -> None:
    answer = ask(None)
    assert answer.status_code == 503
    assert "leader election" in answer.text
