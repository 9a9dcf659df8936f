"""Runs the demo: `python -m examples.demo [--keep]`. Everything happens below build/demo, as processes of this machine.

1. start the click generator and the operator's local platform; 2. apply the FlinkDeployment; 3. show counts as they
arrive; 4. apply a new version of the program at another parallelism: the job stops with a savepoint and goes on from it;
5. end the input and hold every count against a batch pass over the same clicks; 6. delete the job and end everything.
"""

import argparse
import json
import os
import shutil
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from examples.demo.verify import Verdict, lines_under, verify

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "demo"
PROGRAM = ROOT / "examples" / "engagement" / "engagement.py"
JOB = "engagement"
console = Console(highlight=False)


class DemoFailed(Exception):
    """A step did not come to its end; the text says which, and where to look."""


def operator(*arguments: str) -> str:
    """Run one `penstock-operator local` command and return what it printed."""
    command = [sys.executable, "-m", "penstock_operator", "local", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=150, env=environment(), check=False
    )
    if done.returncode:
        raise DemoFailed(
            f"`penstock-operator local {' '.join(arguments)}`: {(done.stderr or done.stdout).strip()}"
        )
    return done.stdout


def environment() -> dict[str, str]:
    """The local platform keeps its resources and processes below build/demo/home."""
    return os.environ | {"PENSTOCK_HOME": str(FOLDER / "home")}


def apply(program: Path, parallelism: int) -> None:
    """Write the manifest and apply it, as a person would."""
    template = string.Template((Path(__file__).parent / "deployment.yaml").read_text(encoding="utf-8"))
    manifest = FOLDER / "engagement.yaml"
    manifest.write_text(
        template.substitute(folder=FOLDER, program=program, parallelism=parallelism), encoding="utf-8"
    )
    console.print(f"[dim]$ penstock-operator local apply -f {manifest.relative_to(ROOT)}[/]")
    console.print(operator("apply", "-f", str(manifest)).strip())


def status() -> dict[str, Any]:
    """The resource's status now."""
    found: dict[str, Any] = json.loads(operator("get", JOB, "-o", "json")).get("status", {})
    return found


def wait_until(what: str, condition: Callable[[], bool], seconds: float) -> float:
    """Wait for a condition; returns how long it took."""
    started = time.monotonic()
    with console.status(f"{what} …"):
        while not condition():
            if time.monotonic() - started > seconds:
                error = status().get("error") or "no reason in status"
                raise DemoFailed(
                    f"{what}: not after {seconds:g} s ({error}); logs: penstock-operator local logs {JOB}"
                )
            time.sleep(0.1)
    return time.monotonic() - started


def metrics_of(version: int) -> list[dict[str, Any]]:
    """Metric lines that this version of the program has written."""
    found = [json.loads(line) for line in lines_under(FOLDER / "out" / "metrics")]
    return [metric for metric in found if metric["version"] == version]


def show_counts(version: int) -> None:
    """A few of the newest counts."""
    found = metrics_of(version)
    newest = max(metric["window"] for metric in found)
    pages = [metric for metric in found if metric["window"] == newest and metric["kind"] == "page"]
    for metric in sorted(pages, key=lambda metric: -metric["count"])[:4]:
        at = time.strftime("%H:%M:%S", time.localtime(metric["window"] / 1000))
        console.print(
            f"  {at}  [bold]{metric['count']:5d}[/] clicks on {metric['key']}  [dim](program version {version})[/]"
        )


def run_and_upgrade() -> None:
    """Steps 2 to 4."""
    started = time.monotonic()
    apply(PROGRAM, parallelism=1)
    operator("wait", JOB, "--for", "RUNNING", "--timeout", "60")
    console.print(
        f"running after {time.monotonic() - started:.1f} s; its page: [bold]{operator('url', JOB).strip()}[/]"
    )
    wait_until("the first windows to close", lambda: bool(metrics_of(1)), 40)
    show_counts(1)

    second = FOLDER / "engagement_v2.py"
    second.write_text(
        PROGRAM.read_text(encoding="utf-8").replace("VERSION = 1", "VERSION = 2"), encoding="utf-8"
    )
    console.print("\n[bold]A new version of the program, at parallelism 2.[/]")
    apply(second, parallelism=2)
    took = wait_until("stop with a savepoint, and start from it", lambda: bool(metrics_of(2)), 60)
    job = status()["jobStatus"]
    console.print(
        f"counts of the new version after {took:.1f} s; it started from {job.get('upgradeSavepointPath')}"
    )
    show_counts(2)


def finish(clicks: subprocess.Popen[bytes]) -> Verdict:
    """Step 5: end the input and compare."""
    clicks.send_signal(signal.SIGTERM)
    clicks.wait(10)
    console.print("\nThe clicks have ended. Counting them again in one plain pass …")
    wait_until("the last windows to close", lambda: verify(FOLDER / "clicks", FOLDER / "out").is_exact, 40)
    return verify(FOLDER / "clicks", FOLDER / "out")


def main() -> int:
    """Run the demo; returns 0 only if every click was counted exactly once."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the job and the clicks running")
    keep = parser.parse_args().keep
    if (FOLDER / "home").exists():
        operator("down")
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "clicks").mkdir(parents=True)
    generator = [sys.executable, "-m", "examples.demo.clicks", str(FOLDER / "clicks")]
    clicks = subprocess.Popen([*generator, "--detach"] if keep else generator, cwd=ROOT)
    try:
        run_and_upgrade()
        if keep:
            explain_kept(clicks.pid)
            return 0
        verdict = finish(clicks)
    except (DemoFailed, subprocess.TimeoutExpired) as error:
        console.print(f"[red]The demo failed:[/] {error}", markup=True)
        return 1
    finally:
        if not keep:
            clicks.terminate()
            end()
    console.print(
        f"[green bold]Exactly once:[/] {verdict.clicks} clicks, {verdict.counted} counted in {verdict.windows} windows and keys, "
        f"{verdict.late} late; nothing lost, nothing counted twice, across an upgrade from parallelism 1 to 2."
    )
    return 0


def end() -> None:
    """Step 6: delete the job and end the local platform."""
    for command in (("delete", JOB), ("down",)):
        try:
            operator(*command)
        except DemoFailed as error:
            console.print(f"[yellow]{error}[/]")


def explain_kept(pid: int) -> None:
    """What a person may want to try on the running job."""
    home = f"PENSTOCK_HOME={FOLDER / 'home'} .venv/bin/penstock-operator local"
    console.print(f"\nIt goes on. The page: [bold]{operator('url', JOB).strip()}[/]")
    for command in (f"get {JOB}", f"describe {JOB}", f"logs -f {JOB}", f"delete {JOB}", "down"):
        console.print(f"  {home} {command}", soft_wrap=True)
    console.print(f"  kill {pid}    [dim]# ends the clicks[/]")


if __name__ == "__main__":
    sys.exit(main())
