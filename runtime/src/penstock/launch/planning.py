"""A program's plan without running its job: main runs in a child whose `execute()` submits to us. Called by `penstock info`."""

import asyncio
import json
import os
import sys
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.graph.jobgraph import JobGraph
from penstock.launch.serving import HttpServer, listen_unix
from penstock.rest.answers import answer
from penstock.rest.jobs import plan_of

_JOB_ID = "0" * 32


def plan_program(program: str, arguments: list[str], folder: Path) -> tuple[str, int]:
    """The plan as JSON and 0, or what main said and its exit status."""
    return asyncio.run(_plan(program, arguments, folder))


async def _plan(program: str, arguments: list[str], folder: Path) -> tuple[str, int]:
    graphs: list[JobGraph] = []

    async def submit(request: Request) -> Response:
        graphs.append(JobGraph.model_validate_json(await request.body()))
        return answer({"job_id": _JOB_ID}, 202)

    server = HttpServer(
        Starlette(routes=[Route("/penstock/jobs", submit, methods=["POST"])]),
        listen_unix(folder / "rpc.sock"),
    )
    await server.start()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "penstock.launch.program",
            program,
            *arguments,
            env={**os.environ, "PENSTOCK_SUBMIT": f"unix:{folder / 'rpc.sock'}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    finally:
        await server.close()
    if not graphs:
        return f"main did not call execute()\n{said.decode(errors='replace')}", process.returncode or 1
    return json.dumps(plan_of(_JOB_ID, graphs[0]), indent=2), 0
