"""A click generator: a folder of JSON-lines segments, each renamed into place when it is complete.

Run as a process of its own by the demo (`python -m examples.demo.clicks FOLDER`). It writes until it is told to stop by
SIGTERM, then adds one last click far in the future, which closes every window of the real ones.
"""

import argparse
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PAGES = ["/", "/pricing", "/docs", "/docs/upgrade", "/blog", "/blog/savepoints", "/about_us", "/careers"]
USERS = [f"user-{number:02d}" for number in range(24)]
DISORDER_MS = 1500
"""How much earlier than its predecessors a click may be: less than the program's bound on out-of-orderness."""
LAST_CLICK_AHEAD_MS = 3_600_000
"""The closing click is this much later than the last real one; its own window is never part of the answer."""


def clicks(seed: int, now_ms: Iterator[int]) -> Iterator[dict[str, object]]:
    """Endless clicks, one for each time that `now_ms` gives, out of order by up to DISORDER_MS."""
    rng = random.Random(seed)
    for now in now_ms:
        page = rng.choices(PAGES, weights=[8, 5, 5, 3, 4, 2, 2, 1])[0]
        yield {
            "ts": now - rng.randrange(DISORDER_MS),
            "user": rng.choice(USERS),
            "method": "GET",
            "page": page,
            "status": 200,
            "bytes": rng.randrange(500, 200_000),
            "referrer": "",
            "bot": rng.random() < 0.1,
        }


def write_segment(folder: Path, number: int, records: list[dict[str, object]]) -> None:
    """Write the segment beside its place and rename it in: a reader never sees half of one."""
    hidden = folder / f".segment-{number:06d}.jsonl.tmp"
    hidden.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    hidden.rename(folder / f"segment-{number:06d}.jsonl")


def _wall_clock() -> Iterator[int]:
    while True:
        yield int(time.time() * 1000)


def main() -> None:
    """Write segments of `--rate` clicks a second, one a second, until SIGTERM."""
    parser = argparse.ArgumentParser(description="Write clicks as JSON-lines segments.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate", type=int, default=400, help="clicks a second")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--detach", action="store_true", help="go on when the process that started it has ended"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stop.append(number))
    parent = os.getppid()
    source = clicks(options.seed, _wall_clock())
    number = 0
    while not stop and (options.detach or os.getppid() == parent):
        write_segment(options.folder, number, [next(source) for _ in range(options.rate)])
        number += 1
        time.sleep(1)
    last = next(source) | {
        "ts": int(time.time() * 1000) + LAST_CLICK_AHEAD_MS,
        "user": "closing",
        "page": "/closing",
    }
    write_segment(options.folder, number, [last])


if __name__ == "__main__":
    main()
