"""The command line's side of the REST API: one client for all verbs, with deadlines, progress and errors in words.

Used by `launch.verbs` and `launch.run_verbs`. Talks to a running JobManager only. What a person asked for goes to
standard output, progress and errors to standard error; an error ends the command with status 1. httpx and rich are
imported when a JobManager is asked: `penstock run` starts without them.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import typer

DEFAULT_ADDRESS = "127.0.0.1:8081"
TERMINAL = frozenset({"FINISHED", "CANCELED", "FAILED"})
POLL_SECONDS = 0.2
UPLOAD_SECONDS = 600.0
TOKEN_VARIABLE = "PENSTOCK_REST_TOKEN"  # noqa: S105 - the variable's name


class Refused(Exception):
    """The JobManager said no, or did not answer; the text is for the person at the terminal."""


class JobManagerClient:
    """The REST calls of the verbs. Every call has a deadline; a failure is a `Refused` that says what to do."""

    def __init__(self, address: str) -> None:
        import httpx

        base = address.rstrip("/") if "://" in address else f"http://{address}"
        token = os.environ.get(TOKEN_VARIABLE)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            self._http = httpx.Client(base_url=f"{base}/v1", timeout=30, headers=headers)
        except (httpx.InvalidURL, ValueError) as error:
            fail(f"{address!r} is no address of a JobManager ({error}): write -m HOST:PORT", status=2)
        self._down: tuple[type[Exception], ...] = (httpx.HTTPError, httpx.InvalidURL)
        self._address = address

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        seconds: float = 30,
    ) -> dict[str, Any]:
        """One request; returns the JSON body. Raises Refused with what the server said."""
        try:
            response = self._http.request(method, path, json=body, files=files, timeout=seconds)
        except self._down as error:
            raise Refused(
                f"no JobManager answers at {self._address} ({error}); name it with -m HOST:PORT"
            ) from error
        try:
            found: Any = response.json() if response.content else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(f"what answers at {self._address} is no JobManager: {response.text[:200]}")
        if response.is_error:
            said = [str(line) for line in found.get("errors", [])] or [response.reason_phrase]
            raise Refused(f"{response.status_code} {said[0].strip()}")
        return found

    def wait_for_trigger(self, path: str, kind: str, timeout_seconds: float) -> dict[str, Any]:
        """Ask for a triggered operation until it is done; returns its `operation`."""

        def ask() -> dict[str, Any] | None:
            found = self.call("GET", path)
            if found["status"]["id"] != "COMPLETED":
                return None
            operation: dict[str, Any] = found.get("operation") or {}
            if operation.get("failure-cause"):
                raise Refused(f"the {kind} failed: {_first_line(operation['failure-cause'])}")
            return operation

        late = f"the {kind} is not done after {timeout_seconds:.0f} s; it goes on, ask for it by {path}"
        return dict(self.wait(f"{kind} …", ask, timeout_seconds, late))

    def wait_for_end(self, job_id: str, timeout_seconds: float) -> str:
        """Wait until a job has ended; its last state. The state is shown as it changes."""

        def ask() -> str | None:
            state = str(self.call("GET", f"/jobs/{job_id}/status")["status"])
            return state if state in TERMINAL else None

        late = f"the job has not ended after {timeout_seconds:.0f} s; `penstock list` shows its state"
        return str(self.wait(f"job {job_id} …", ask, timeout_seconds, late))

    def wait(self, what: str, ask: Callable[[], Any], timeout_seconds: float, late: str) -> Any:
        """Ask until there is an answer, with the seconds gone by shown at a terminal."""
        from rich.console import Console

        began = time.monotonic()
        with Console(stderr=True).status(what) as status:
            while time.monotonic() - began < timeout_seconds:
                found = ask()
                if found is not None:
                    return found
                status.update(f"{what} {time.monotonic() - began:.0f} s")
                time.sleep(POLL_SECONDS)
        raise Refused(late)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _first_line(failure: Mapping[str, Any]) -> str:
    text = str(failure.get("stack-trace") or failure.get("class") or "unknown cause").strip()
    return text.splitlines()[0] if text else "unknown cause"


def with_client(address: str, action: Callable[[JobManagerClient], None]) -> None:
    """Do something with a JobManager; a refusal is printed and ends the command with status 1."""
    client = JobManagerClient(address)
    try:
        action(client)
    except Refused as refused:
        fail(str(refused))
    except (KeyError, TypeError) as error:  # what it answers is JSON, and no body of Flink's
        fail(f"what answers at {address} is no JobManager: its answer has no {error}")
    except KeyboardInterrupt:
        fail("interrupted; what was asked of the JobManager goes on", status=130)
    finally:
        client.close()


def fail(message: str, status: int = 1) -> NoReturn:
    """Print an error and end the command."""
    typer.secho(f"penstock: {message}", fg="red", err=True)
    raise typer.Exit(status)
