"""A TaskManager's link where several JobManagers stand for election."""

import asyncio

import pytest

from penstock.control.registration import EventBatch, Poll, Polled, Registered, Registration
from penstock.ha.contract import HighAvailabilityDown, LeaderAddress
from penstock.taskmanager.leader import LeaderLink
from penstock.taskmanager.link import LinkDown
from tests.ha.election_in_memory import Election, Member

REGISTRATION = Registration(resource_id="tm", host_id="h", slots=1)
POLL = Poll(session="s")


class OneJobManager:
    """Implements JobManagerLink; a poll hangs, or fails when `is_down`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_closed = False
        self.is_down = False

    async def register(self, registration: Registration) -> Registered:
        return Registered(session=self.address, heartbeat_interval_ms=1, heartbeat_timeout_ms=1)

    async def poll(self, resource_id: str, poll: Poll) -> Polled:
        if self.is_down:
            raise LinkDown("it is down")
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send_events(self, resource_id: str, batch: EventBatch) -> bool:
        return True

    async def close(self) -> None:
        self.is_closed = True


class World:
    def __init__(self) -> None:
        self.election = Election()
        self.links: list[OneJobManager] = []
        self.link = LeaderLink(lambda: Member(self.election), self._link_to, watch_seconds=0.01)

    def _link_to(self, address: str) -> OneJobManager:
        self.links.append(OneJobManager(address))
        return self.links[-1]

    def elect(self, token: str) -> None:
        self.election.address = LeaderAddress(token=token, internal=f"unix:/{token}", rest="http://h")


def test_no_leader_is_no_link() -> None:
    async def run() -> None:
        world = World()
        with pytest.raises(LinkDown, match="no JobManager leads"):
            await world.link.register(REGISTRATION)
        assert (await world.link.poll("tm", POLL)).session == ""
        await world.link.close()

    asyncio.run(run())


def test_poll_of_a_hanging_leader_ends_when_another_one_leads() -> None:
    async def run() -> None:
        world = World()
        world.elect("a")
        assert (await world.link.register(REGISTRATION)).session == "unix:/a"
        polling = asyncio.create_task(world.link.poll("tm", POLL))
        await asyncio.sleep(0.05)
        assert not polling.done()
        world.elect("b")
        assert (await asyncio.wait_for(polling, 60)).session == ""
        assert (await world.link.register(REGISTRATION)).session == "unix:/b"
        assert world.links[0].is_closed
        await world.link.close()

    asyncio.run(run())


def test_leader_that_does_not_answer_is_asked_again_while_nobody_else_leads() -> None:
    async def run() -> None:
        world = World()
        world.elect("a")
        await world.link.register(REGISTRATION)
        world.links[0].is_down = True
        with pytest.raises(LinkDown, match="it is down"):
            await world.link.poll("tm", POLL)
        world.elect("b")
        assert (await world.link.poll("tm", POLL)).session == ""
        await world.link.close()

    asyncio.run(run())


def test_election_that_cannot_be_reached_is_a_link_that_is_down() -> None:
    def unreachable() -> Member:
        raise HighAvailabilityDown("ZooKeeper does not answer")

    async def run() -> None:
        link = LeaderLink(unreachable, OneJobManager, watch_seconds=1)
        with pytest.raises(LinkDown, match="ZooKeeper"):
            await link.register(REGISTRATION)
        await link.close()

    asyncio.run(run())
