"""Both HTTP apps of a JobManager in one event loop, with a TaskManager that only pretends, for the tests of this area."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from penstock.control.messages import SlotAddress, SlotReady
from penstock.control.registration import EventBatch, Registration, SlotEvent
from penstock.graph.jobgraph import JobGraph, OperatorSpec, VertexSpec
from penstock.jobmanager.master import Master
from penstock.rest.app import internal_app, rest_app
from penstock.rest.application import Application, JobWish
from penstock.web import folder as page_folder

JOB = "1" * 32
VERTEX = "a" * 32


def graph(parallelism: int = 1) -> JobGraph:
    operator = OperatorSpec(uid="u", operator_id=VERTEX, name="count", factory=b"")
    vertex = VertexSpec(
        id=VERTEX, name="count", parallelism=parallelism, max_parallelism=128, operators=[operator]
    )
    return JobGraph(name="job", vertices=[vertex], edges=[])


class Api:
    """Both apps over one JobManager, driven in one event loop."""

    def __init__(self, folder: Path, **configuration: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder, self.configuration = folder, configuration
        self.loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self.master = Master(self.configuration, str(self.folder / "checkpoints"))
        self.master.start()
        self.application = Application(self.master, JobWish(JOB))
        apps = (
            rest_app(self.master, self.application, self.folder, page_folder()),
            internal_app(self.master, self.application),
        )
        self.public, self.internal = (
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") for app in apps
        )

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.loop.run_until_complete(self.public.request(method, path, json=body, **more))

    def submit(self, job: JobGraph) -> httpx.Response:
        return self.loop.run_until_complete(
            self.internal.post("/penstock/jobs", content=job.model_dump_json())
        )

    def add_taskmanager(self) -> None:
        async def add() -> None:
            answer = await self.internal.post(
                "/penstock/taskmanagers",
                content=Registration(resource_id="tm-1", host_id="h", slots=1).model_dump_json(),
            )
            ready = SlotReady(address=SlotAddress(slot_id="tm-1-x", host_id="h", unix_path="/x"), pid=1)
            batch = EventBatch(
                session=answer.json()["session"], number=1, events=[SlotEvent(slot_id="tm-1-x", event=ready)]
            )
            for _ in range(2):
                await self.internal.post(
                    "/penstock/taskmanagers/tm-1/events", content=batch.model_dump_json()
                )
            async with asyncio.timeout(60):
                while not self.master.jobs[JOB].machine.job.executions:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.005)

        self.loop.run_until_complete(add())

    def close(self) -> None:
        async def close() -> None:
            await self.public.aclose()
            await self.internal.aclose()
            await self.master.close()

        self.loop.run_until_complete(close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
