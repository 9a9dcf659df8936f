"""`penstock list | savepoint | checkpoint | stop | cancel`: Flink's CLI verbs and flags over the REST API.

Registered on the command line by `launch.cli`. Each works against our JobManager and against Flink's.
"""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from penstock.launch.client import (
    DEFAULT_ADDRESS,
    TERMINAL,
    JobManagerClient,
    Refused,
    fail,
    with_client,
)

Address = Annotated[
    str,
    typer.Option(
        "--jobmanager",
        "-m",
        metavar="HOST:PORT",
        envvar="PENSTOCK_JOBMANAGER",
        help="Where the JobManager's REST API is.",
    ),
]
JobId = Annotated[
    str, typer.Argument(metavar="JOB_ID", help="32 hex digits, as `penstock list` prints them.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the end of it.")
]
Format = Annotated[str, typer.Option("--type", "-type", help="CANONICAL or NATIVE.")]
Detached = Annotated[
    bool, typer.Option("--detached", "-detached", help="Do not wait: print the trigger's id.")
]
_SCRIPT_WIDTH = 200
FORMATS = ("CANONICAL", "NATIVE")


def list_jobs(
    jobmanager: Address = DEFAULT_ADDRESS,
    running: Annotated[
        bool, typer.Option("--running", "-r", help="Only running and restarting ones.")
    ] = False,
    scheduled: Annotated[
        bool, typer.Option("--scheduled", "-s", help="Only those that are not running yet.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", "-a", help="Ended ones too.")] = False,
) -> None:
    """List jobs."""

    def is_shown(state: str) -> bool:
        waiting = state in {"INITIALIZING", "CREATED"}
        if state in TERMINAL:
            return every
        return every or running == scheduled or (scheduled if waiting else running)

    def show(client: JobManagerClient) -> None:
        from rich.console import Console
        from rich.table import Column, Table

        table = Table(Column("job id", min_width=32, no_wrap=True), "name", "state", "started", "tasks")
        for job in client.call("GET", "/jobs/overview")["jobs"]:
            if is_shown(job["state"]):
                started = datetime.fromtimestamp(job["start-time"] / 1000, UTC).astimezone()
                tasks = f"{job['tasks'].get('running', 0)}/{job['tasks'].get('total', 0)}"
                table.add_row(job["jid"], job["name"], job["state"], f"{started:%Y-%m-%d %H:%M:%S}", tasks)
        # A script that reads it wants whole lines, whatever the width.
        console = Console() if sys.stdout.isatty() else Console(width=_SCRIPT_WIDTH)
        console.print(table if table.row_count else "No jobs.")

    with_client(jobmanager, show)


def _format(text: str) -> str:
    if text.upper() not in FORMATS:
        fail(f"--type {text}: it is CANONICAL or NATIVE", status=2)
    return text.upper()


def _take(
    client: JobManagerClient, job_id: str, verb: str, body: dict[str, Any], detached: bool, timeout: float
) -> None:
    trigger = client.call("POST", f"/jobs/{job_id}/{verb}", body)["request-id"]
    if detached:
        typer.echo(trigger)
        return
    operation = client.wait_for_trigger(f"/jobs/{job_id}/savepoints/{trigger}", "savepoint", timeout)
    typer.echo(operation["location"])


def savepoint(
    job_id: Annotated[str | None, typer.Argument(metavar="JOB_ID")] = None,
    directory: Annotated[
        str | None, typer.Argument(help="Where to put it; default: the job's savepoint directory.")
    ] = None,
    jobmanager: Address = DEFAULT_ADDRESS,
    format_type: Format = "CANONICAL",
    dispose: Annotated[
        str | None, typer.Option("--dispose", "-d", metavar="PATH", help="Delete this savepoint instead.")
    ] = None,
    detached: Detached = False,
    timeout: Timeout = 600,
) -> None:
    """Take a savepoint and print its path; with -d PATH delete one."""

    def act(client: JobManagerClient) -> None:
        if dispose is not None:
            trigger = client.call("POST", "/savepoint-disposal", {"savepoint-path": dispose})["request-id"]
            client.wait_for_trigger(f"/savepoint-disposal/{trigger}", "disposal", timeout)
            typer.echo(f"Deleted {dispose}.")
            return
        if job_id is None:
            raise Refused("name the job: penstock savepoint JOB_ID [DIRECTORY]")
        body = {
            "target-directory": directory,
            "cancel-job": False,
            "formatType": _format(format_type),
        }
        _take(client, job_id, "savepoints", body, detached, timeout)

    with_client(jobmanager, act)


def checkpoint(
    job_id: JobId,
    jobmanager: Address = DEFAULT_ADDRESS,
    full: Annotated[bool, typer.Option("--full", "-full", help="Not an incremental one.")] = False,
    timeout: Timeout = 600,
) -> None:
    """Take a checkpoint now and print its number."""

    def take(client: JobManagerClient) -> None:
        kind = "FULL" if full else "CONFIGURED"
        trigger = client.call("POST", f"/jobs/{job_id}/checkpoints", {"checkpointType": kind})["request-id"]
        operation = client.wait_for_trigger(f"/jobs/{job_id}/checkpoints/{trigger}", "checkpoint", timeout)
        typer.echo(operation["checkpointId"])

    with_client(jobmanager, take)


def stop(
    job_id: JobId,
    jobmanager: Address = DEFAULT_ADDRESS,
    directory: Annotated[
        str | None, typer.Option("--savepointPath", "-p", help="Where to put the savepoint.")
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", "-d", help="Fire all windows and timers first; do not resume from it.")
    ] = False,
    format_type: Format = "CANONICAL",
    detached: Detached = False,
    timeout: Timeout = 600,
) -> None:
    """Stop a job with a savepoint and print its path."""

    def end(client: JobManagerClient) -> None:
        body = {"targetDirectory": directory, "drain": drain, "formatType": _format(format_type)}
        _take(client, job_id, "stop", body, detached, timeout)

    with_client(jobmanager, end)


def cancel(
    job_id: JobId,
    jobmanager: Address = DEFAULT_ADDRESS,
    directory: Annotated[
        str | None,
        typer.Option("--withSavepoint", "-s", metavar="DIRECTORY", help="Take a savepoint there first."),
    ] = None,
    timeout: Timeout = 120,
) -> None:
    """Cancel a job; its checkpoints are kept as configured. Prefer `stop`, which loses nothing."""

    def end(client: JobManagerClient) -> None:
        if directory is not None:
            body = {"target-directory": directory, "cancel-job": True, "formatType": "CANONICAL"}
            _take(client, job_id, "savepoints", body, detached=False, timeout=timeout)
        else:
            client.call("PATCH", f"/jobs/{job_id}?mode=cancel")
        state = client.wait_for_end(job_id, timeout)
        typer.echo(f"Job {job_id} is {state}.")

    with_client(jobmanager, end)


def rescale(
    job_id: JobId,
    parallelism: Annotated[int, typer.Argument(min=1, help="Subtasks of every vertex, at most.")],
    jobmanager: Address = DEFAULT_ADDRESS,
) -> None:
    """Change a running job's parallelism in place; it goes on from its newest state."""

    def act(client: JobManagerClient) -> None:
        vertices = client.call("GET", f"/jobs/{job_id}")["vertices"]
        bounds = {"lowerBound": 1, "upperBound": parallelism}
        body = {vertex["id"]: {"parallelism": bounds} for vertex in vertices}
        client.call("PUT", f"/jobs/{job_id}/resource-requirements", body)
        typer.echo(f"Job {job_id} is asked to run at parallelism {parallelism}.")

    with_client(jobmanager, act)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command("list")(list_jobs)
    app.command("savepoint")(savepoint)
    app.command("checkpoint")(checkpoint)
    app.command("stop")(stop)
    app.command("cancel")(cancel)
    app.command("rescale")(rescale)
