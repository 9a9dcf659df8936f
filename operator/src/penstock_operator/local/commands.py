"""`penstock-operator local ...`: FlinkDeployments on this machine. Same manifests, same rules, no cluster.

`apply`, `delete` and the like write to the home's store and see to it that an operator process runs; `up` is one in the
foreground.
"""

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
import yaml

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.errors import OperatorError
from penstock_operator.local.home import HomeBusy, hold_home, operator_pid
from penstock_operator.local.manifests import manifest_files, read_manifests
from penstock_operator.local.show import describe as show_description
from penstock_operator.local.show import reason_of, table_of
from penstock_operator.platforms.local import LAUNCHER, LocalPlatform
from penstock_operator.settings import Settings
from penstock_operator.terminal import terminal

IDLE_SECONDS = 60.0
"""A background operator without any resource ends after this."""

app = typer.Typer(no_args_is_help=True, help="FlinkDeployments as processes of this machine.")
console = terminal(highlight=False)
complaints = terminal(stderr=True, highlight=False)

Name = Annotated[str, typer.Argument(help="Name of the FlinkDeployment.")]
Files = Annotated[list[Path], typer.Option("--filename", "-f", help="Manifest, or folder of manifests.")]


def _platform() -> LocalPlatform:
    settings = Settings.from_environment()
    home = settings.home.expanduser().absolute()
    try:
        return LocalPlatform(home, settings.launcher or LAUNCHER)
    except (OSError, sqlite3.Error) as error:
        raise _fail(f"{home} cannot be used: {error}; PENSTOCK_HOME names another folder") from error


def _fail(message: str) -> typer.Exit:
    complaints.print(f"error: {message}", markup=False, style="red", soft_wrap=True)
    return typer.Exit(1)


def _need(platform: LocalPlatform, name: str) -> FlinkDeployment:
    found = platform.store.read(name)
    if found is None:
        raise _fail(f"there is no FlinkDeployment {name!r} in {platform.home}")
    return found


def _see_to_operator(platform: LocalPlatform) -> None:
    """Start an operator process for this home unless one runs."""
    if operator_pid(platform.home) is not None:
        return
    with (platform.home / "operator.log").open("ab") as log:
        # It outlives this command on purpose, so nobody waits for it.
        started = subprocess.Popen(
            [sys.executable, "-m", "penstock_operator", "local", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + 15
    while operator_pid(platform.home) is None:
        if started.poll() is not None or time.monotonic() > deadline:
            raise _fail(f"the operator did not start: see {platform.home / 'operator.log'}")
        time.sleep(0.1)


@app.command()
def apply(filename: Files) -> None:
    """Create or change what the manifests say."""
    platform = _platform()
    try:
        resources = [found for path in manifest_files(filename) for found in read_manifests(path)]
    except OperatorError as error:
        raise _fail(error.message) from error
    for resource in resources:
        said = platform.store.apply(resource, secrets.token_hex(8))
        console.print(f"flinkdeployment/{resource.metadata.name} {said}")
    _see_to_operator(platform)


@app.command()
def get(
    name: Annotated[str | None, typer.Argument(help="Name; all if left out.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="table, yaml, json or name.")] = "table",
) -> None:
    """Show FlinkDeployments."""
    platform = _platform()
    names = [name] if name else sorted(platform.store.names())
    found = [_need(platform, each) for each in names]
    if output == "table":
        console.print(table_of(found))
    elif output == "name":
        for resource in found:
            console.print(f"flinkdeployment/{resource.metadata.name}")
    elif output in ("yaml", "json"):
        bodies = [resource.to_wire() for resource in found]
        body = bodies[0] if name else {"apiVersion": "v1", "kind": "List", "items": bodies}
        text = json.dumps(body, indent=2) if output == "json" else yaml.safe_dump(body, sort_keys=False)
        typer.echo(text)
    else:
        raise _fail(f"--output {output!r} is not known: use table, yaml, json or name")


@app.command()
def describe(name: Name) -> None:
    """Show one FlinkDeployment with its conditions and Events."""
    platform = _platform()
    resource = _need(platform, name)
    job = platform.store.job(name)
    url = f"http://127.0.0.1:{job.rest_port}" if job else None
    show_description(console, resource, url, platform.store.events(name))


@app.command()
def url(name: Name) -> None:
    """Print the address of the job's page and REST API."""
    job = _platform().store.job(name)
    if job is None:
        raise _fail(f"nothing is deployed for {name!r} yet")
    typer.echo(f"http://127.0.0.1:{job.rest_port}")


@app.command()
def delete(
    names: Annotated[list[str] | None, typer.Argument(help="Names.")] = None,
    filename: Annotated[list[Path] | None, typer.Option("--filename", "-f", help="Manifests.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until they are gone.")] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 300.0,
) -> None:
    """Delete FlinkDeployments, their processes and folders; state on storage stays."""
    platform = _platform()
    chosen = list(names or [])
    try:
        files = manifest_files(filename or [])
        chosen += [found.metadata.name for path in files for found in read_manifests(path)]
    except OperatorError as error:
        raise _fail(error.message) from error
    for name in chosen:
        if not platform.store.mark_deleting(name):
            raise _fail(f"there is no FlinkDeployment {name!r} in {platform.home}")
    _see_to_operator(platform)
    deadline = time.monotonic() + timeout
    while wait and (left := [name for name in chosen if platform.store.read(name) is not None]):
        if time.monotonic() > deadline:
            raise _fail(
                f"{', '.join(left)} not gone after {timeout:g} s; it goes on: `describe` says what holds it"
            )
        time.sleep(0.1)
    for name in chosen:
        console.print(f"flinkdeployment/{name} {'deleted' if wait else 'is being deleted'}")


@app.command()
def wait(
    name: Name,
    state: Annotated[str, typer.Option("--for", help="A lifecycle state, or a job state.")] = "STABLE",
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 120.0,
) -> None:
    """Wait until the resource, as it is wanted now, is in a state."""
    platform = _platform()
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        resource = _need(platform, name)
        status = resource.status
        is_current = status.observed_generation == resource.metadata.generation
        if is_current and state in (status.lifecycle_state, status.job_status.state):
            return
        time.sleep(0.1)
    raise _fail(f"{name} is not {state} after {timeout:g} s: {reason_of(resource) or 'no reason was given'}")


@app.command()
def logs(
    name: Name, follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on for ever.")] = False
) -> None:
    """Print the lines of JobManager and TaskManagers."""
    platform = _platform()
    resource = _need(platform, name)
    for line in platform.logs(resource, follow=follow):
        typer.echo(line)


@app.command()
def up(
    folder: Annotated[Path, typer.Argument(help="Folder of manifests.", exists=True, file_okay=False)],
    keep: Annotated[bool, typer.Option(help="Leave the processes running at the end.")] = False,
) -> None:
    """Keep running what the folder's manifests say, until Ctrl-C; killed or ended, it goes on where it was."""
    _run(folder, keep)


@app.command(hidden=True)
def serve() -> None:
    """The operator process that `apply` starts."""
    _run(None, keep=True)


@app.command()
def down() -> None:
    """End the operator process and every job's processes; state and resources stay, `up` or `apply` goes on."""
    from penstock_operator.local.runner import LocalRunner

    platform = _platform()
    pid = operator_pid(platform.home)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while operator_pid(platform.home) is not None and time.monotonic() < deadline:
            time.sleep(0.1)
    with hold_home(platform.home):
        LocalRunner(platform).stop_processes()


def _run(folder: Path | None, keep: bool) -> None:
    from penstock_operator.local.runner import LocalRunner  # heavy: only for those that run the loop

    platform = _platform()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with hold_home(platform.home):
            runner = LocalRunner(platform, folder)
            runner.run(stop, IDLE_SECONDS if folder is None else float("inf"))
            if not keep:
                runner.stop_processes()
    except HomeBusy as error:
        raise _fail(f"{error}: end it with `penstock-operator local down`") from error
