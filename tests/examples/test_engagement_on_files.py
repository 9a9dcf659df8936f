"""The engagement example on files: every click counted once, as a batch pass counts it."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "examples" / "engagement" / "engagement.py"
WINDOW_MS = 5000


def clicks(seed: int, count: int) -> list[dict[str, object]]:
    """Clicks of 20 users on 10 pages over some minutes, up to two seconds out of order."""
    random_ = random.Random(seed)
    at = 1_700_000_000_000
    found: list[dict[str, object]] = []
    for _ in range(count):
        at += random_.randrange(0, 200)
        found.append(
            {
                "ts": at - random_.randrange(0, 1900),
                "user": f"u{random_.randrange(20)}",
                "page": f"/p{random_.randrange(10)}",
            }
        )
    return found


def expected(found: list[dict[str, object]]) -> Counter[tuple[int, str, str]]:
    counts: Counter[tuple[int, str, str]] = Counter()
    for click in found:
        window = int(str(click["ts"])) // WINDOW_MS * WINDOW_MS
        counts[window, "page", str(click["page"])] += 1
        counts[window, "user", str(click["user"])] += 1
    return counts


def counted(folder: Path) -> Counter[tuple[int, str, str]]:
    """The newest count of each window: a late click gives a larger one."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith((".", "_")):
            for line in path.read_text().splitlines():
                metric = json.loads(line)
                key = metric["window"], metric["kind"], metric["key"]
                counts[key] = max(counts[key], metric["count"])
    return counts


def write_segment(folder: Path, name: str, found: list[dict[str, object]]) -> None:
    hidden = folder / f".{name}"
    hidden.write_text("".join(json.dumps(click) + "\n" for click in found))
    hidden.rename(folder / name)


def test_every_click_is_counted_once_by_page_and_by_user(tmp_path: Path) -> None:
    source, target = tmp_path / "clicks", tmp_path / "out"
    source.mkdir()
    all_clicks = clicks(7, 3000)
    write_segment(source, "1.jsonl", all_clicks[:1500])
    settings = {"execution.checkpointing.interval": "300 ms", "parallelism.default": "1"}
    command = [sys.executable, "-m", "penstock.launch.program", str(PROGRAM)]
    job = subprocess.Popen(
        [*command, "--input", str(source), "--output", str(target)],
        env={**os.environ, "PENSTOCK_CONFIGURATION": json.dumps(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        write_segment(source, "2.jsonl", all_clicks[1500:])
        # One click far ahead closes every window before it.
        write_segment(source, "3.jsonl", [{"ts": 1_800_000_000_000, "user": "last", "page": "/last"}])
        deadline = time.monotonic() + 120
        while counted(target) != expected(all_clicks) and time.monotonic() < deadline:
            assert job.poll() is None, "the job ended by itself"
            time.sleep(0.1)
        assert counted(target) == expected(all_clicks)
    finally:
        job.terminate()
        job.wait(timeout=50)
