"""The longest gap between two batches while checkpoints of a million keys are taken, on either backend.

Run as `python -m benchmarks checkpoint_gap [backend]`. Beside it the longest gaps between the checkpoints of the same
run, for a machine's load moves all of them; and the task thread's own CPU time in the gaps, which it does not move.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

KEYS = 1_000_000
CHECKPOINTS = 20
INTERVAL_SECONDS = 3
PROGRAM = Path(__file__).parent / "programs" / "keyed_gaps.py"
DEADLINE_SECONDS = 600


@dataclass(slots=True, frozen=True)
class Gap:
    """A pause in the output: when it ended, how long it was, and how much of it the task thread computed."""

    end: float
    seconds: float
    cpu_seconds: float


@dataclass(slots=True, frozen=True)
class Checkpoint:
    """When it began and ended, and its bytes."""

    start: float
    end: float
    size: int


def measure(backend: str) -> tuple[list[Gap], list[Checkpoint]]:
    """Run the job until it has taken the checkpoints after all keys are there."""
    with tempfile.TemporaryDirectory(prefix="penstock-gaps-") as name:
        folder = Path(name)
        gaps, checkpoints = folder / "gaps", folder / "checkpoints"
        settings = {
            "state.backend.type": backend,
            "state.backend.rocksdb.localdir": str(folder / "local"),
            "execution.checkpointing.incremental": "true",
            "execution.checkpointing.interval": f"{INTERVAL_SECONDS} s",
            "execution.checkpointing.dir": str(checkpoints),
            "execution.checkpointing.num-retained": "1000",
        }
        environment = {**os.environ, "PENSTOCK_CONFIGURATION": json.dumps(settings)}
        command = [sys.executable, "-m", "penstock.launch.program", str(PROGRAM), str(KEYS), str(gaps)]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            try:
                found = _wait(process, checkpoints)
            finally:
                # The interrupt cancels the job, so that no slot outlives the run.
                process.send_signal(signal.SIGINT)
                process.wait(60)
        return [Gap(*json.loads(line)) for line in gaps.read_text().splitlines()], found


def _wait(process: "subprocess.Popen[bytes]", folder: Path) -> list[Checkpoint]:
    """The checkpoints that hold all keys, once there are enough."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)
        whole = [found for path in folder.glob("*/chk-*/_metadata") if (found := _read(path)) is not None]
        if len(whole) >= CHECKPOINTS:
            return sorted(whole, key=lambda found: found.start)[:CHECKPOINTS]
    raise SystemExit("the job did not take enough checkpoints")


def _read(path: Path) -> Checkpoint | None:
    metadata = json.loads(path.read_text())
    position = sum(
        split["position"]
        for operator in metadata["operators"]
        for subtask in operator["subtasks"]
        for split in subtask["splits"]
    )
    if position < KEYS:
        return None
    objects = [
        stored["size"]
        for operator in metadata["operators"]
        for subtask in operator["subtasks"]
        for stored in [
            *(keyed["object"] for keyed in subtask["keyed"]),
            *(file["object"] for native in subtask["native"] for file in native["files"]),
        ]
    ]
    return Checkpoint(
        metadata["trigger_timestamp"] / 1000, metadata["completed_timestamp"] / 1000, sum(objects)
    )


def report(backend: str) -> None:
    """Measure one backend and print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the job is ended too
    gaps, checkpoints = measure(backend)
    inside = [_longest(gaps, found.start, found.end + 0.2) for found in checkpoints]
    pauses = pairwise(checkpoints)
    outside = [_longest(gaps, one.end + 0.2, two.start) for one, two in pauses if two.start > one.end + 0.5]
    millis = sorted(round(1000 * gap.seconds, 1) for gap in inside)
    cpu = sorted(round(1000 * gap.cpu_seconds, 1) for gap in inside)
    took = sorted(found.end - found.start for found in checkpoints)
    print(
        f"checkpoint_gap {backend}: {KEYS:,} keys, {len(checkpoints)} checkpoints of "
        f"{checkpoints[-1].size / 1e6:.1f} MB in {took[len(took) // 2]:.2f} s (median)"
    )
    print(f"  longest gap between two batches: p50 {millis[len(millis) // 2]} ms, p99 {millis[-1]} ms")
    print(f"  of it CPU of the task thread:    p50 {cpu[len(cpu) // 2]} ms, p99 {cpu[-1]} ms")
    without = sorted(round(1000 * gap.seconds, 1) for gap in outside)
    if without:
        print(
            f"  longest gap without a checkpoint: p50 {without[len(without) // 2]} ms, p99 {without[-1]} ms "
            f"(load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)"
        )


def _longest(gaps: list[Gap], start: float, end: float) -> Gap:
    """The longest gap that ended in that time."""
    found = [gap for gap in gaps if start <= gap.end <= end]
    return max(found, key=lambda gap: gap.seconds, default=Gap(start, 0.0, 0.0))


def main() -> None:
    """Measure both backends."""
    for backend in ("hashmap", "rocksdb"):
        report(backend)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ("hashmap", "rocksdb"):
        report(chosen)
