"""`penstock list | savepoint | checkpoint | stop | cancel`: Flink's CLI verbs and flags over the REST API.

Registered on the command line by `launch.cli`. Talks to a running JobManager only; never starts anything.
"""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

DEFAULT_ADDRESS = "127.0.0.1:8081"
TERMINAL = frozenset({"FINISHED", "CANCELED", "FAILED"})
POLL_SECONDS = 0.2

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
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the end of it.")]
Format = Annotated[str, typer.Option("--type", "-type", help="CANONICAL or NATIVE.")]


class Refused(Exception):
    """The JobManager said no, or did not answer; the text is for the person at the terminal."""


class JobManagerClient:
    """The REST calls of these verbs. Every call has a deadline; a failure is a `Refused` that says what to do."""

    def __init__(self, address: str) -> None:
        base = address if "://" in address else f"http://{address}"
        self._http = httpx.Client(base_url=f"{base}/v1", timeout=30)
        self._address = address

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request; returns the JSON body. Raises Refused with what the server said."""
        try:
            response = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Refused(
                f"no JobManager answers at {self._address} ({error}); name it with -m HOST:PORT"
            ) from error
        found: dict[str, Any] = response.json() if response.content else {}
        if response.is_error:
            said = [str(line) for line in found.get("errors", [])] or [response.reason_phrase]
            raise Refused(f"{method} {path}: {said[-1].splitlines()[0]}")
        return found

    def wait_for_trigger(
        self, job_id: str, request_id: str, kind: str, timeout_seconds: float
    ) -> dict[str, Any]:
        """Ask for a triggered operation until it is done; returns its `operation`."""
        deadline = time.monotonic() + timeout_seconds
        with Console(stderr=True).status(f"waiting for {kind} {request_id} …"):
            while time.monotonic() < deadline:
                found = self.call("GET", f"/jobs/{job_id}/{kind}s/{request_id}")
                if found["status"]["id"] == "COMPLETED":
                    operation: dict[str, Any] = found.get("operation") or {}
                    failure = operation.get("failure-cause")
                    if failure:
                        raise Refused(f"the {kind} failed: {_first_line(failure)}")
                    return operation
                time.sleep(POLL_SECONDS)
        raise Refused(
            f"the {kind} is not done after {timeout_seconds:.0f} s; it goes on under trigger {request_id}"
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _first_line(failure: dict[str, Any]) -> str:
    text = str(failure.get("stack-trace") or failure.get("class") or "unknown cause").strip()
    return text.splitlines()[0] if text else "unknown cause"


def _run(address: str, action: Any) -> None:
    client = JobManagerClient(address)
    try:
        action(client)
    except Refused as refused:
        Console(stderr=True).print(f"penstock: {refused}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from refused
    finally:
        client.close()


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

    def show(client: JobManagerClient) -> None:
        table = Table("job id", "name", "state", "started")
        for job in client.call("GET", "/jobs/overview")["jobs"]:
            waiting = job["state"] in {"INITIALIZING", "CREATED"}
            if not every and job["state"] in TERMINAL:
                continue
            if (running and waiting and not scheduled) or (scheduled and not waiting and not running):
                continue
            started = datetime.fromtimestamp(job["start-time"] / 1000, UTC).astimezone()
            table.add_row(job["jid"], job["name"], job["state"], f"{started:%Y-%m-%d %H:%M:%S}")
        Console().print(table if table.row_count else "No jobs.")

    _run(jobmanager, show)


def savepoint(
    job_id: JobId,
    directory: Annotated[
        str | None, typer.Argument(help="Where to put it; default: the job's savepoint directory.")
    ] = None,
    jobmanager: Address = DEFAULT_ADDRESS,
    format_type: Format = "CANONICAL",
    timeout: Timeout = 600,
) -> None:
    """Take a savepoint and print its path."""

    def take(client: JobManagerClient) -> None:
        body = {"target-directory": directory, "cancel-job": False, "formatType": format_type}
        trigger = client.call("POST", f"/jobs/{job_id}/savepoints", body)["request-id"]
        typer.echo(client.wait_for_trigger(job_id, trigger, "savepoint", timeout)["location"])

    _run(jobmanager, take)


def checkpoint(job_id: JobId, jobmanager: Address = DEFAULT_ADDRESS, timeout: Timeout = 600) -> None:
    """Take a checkpoint now and print its number."""

    def take(client: JobManagerClient) -> None:
        trigger = client.call("POST", f"/jobs/{job_id}/checkpoints", {"checkpointType": "CONFIGURED"})[
            "request-id"
        ]
        typer.echo(client.wait_for_trigger(job_id, trigger, "checkpoint", timeout)["checkpointId"])

    _run(jobmanager, take)


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
    timeout: Timeout = 600,
) -> None:
    """Stop a job with a savepoint and print its path."""

    def end(client: JobManagerClient) -> None:
        body = {"targetDirectory": directory, "drain": drain, "formatType": format_type}
        trigger = client.call("POST", f"/jobs/{job_id}/stop", body)["request-id"]
        typer.echo(client.wait_for_trigger(job_id, trigger, "savepoint", timeout)["location"])

    _run(jobmanager, end)


def cancel(job_id: JobId, jobmanager: Address = DEFAULT_ADDRESS, timeout: Timeout = 120) -> None:
    """Cancel a job without a savepoint; its checkpoints are kept as configured."""

    def end(client: JobManagerClient) -> None:
        client.call("PATCH", f"/jobs/{job_id}?mode=cancel")
        deadline = time.monotonic() + timeout
        while client.call("GET", f"/jobs/{job_id}")["state"] not in TERMINAL:
            if time.monotonic() > deadline:
                raise Refused(f"the job has not ended after {timeout:.0f} s; `penstock list` shows its state")
            time.sleep(POLL_SECONDS)
        typer.echo(f"Cancelled {job_id}.")

    _run(jobmanager, end)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command("list")(list_jobs)
    app.command("savepoint")(savepoint)
    app.command("checkpoint")(checkpoint)
    app.command("stop")(stop)
    app.command("cancel")(cancel)
