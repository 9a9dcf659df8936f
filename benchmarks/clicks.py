"""The input of the record benchmarks: clicks as JSON lines, the same for every engine, in files of equal size.

Seeded and deterministic: `clicks(n)` are the first n clicks always. Time moves 1 ms a click with a jitter below the
programs' bounded disorder, so that windows and timers fire all along the run.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

USERS = 10_000
_ACTIONS = ("click", "view", "buy")
START_MS = 1_700_000_000_000
_JITTER_MS = 500


def clicks(count: int) -> Iterator[dict[str, object]]:
    """The first `count` clicks."""
    source = random.Random(7)
    for number in range(count):
        yield {
            "user": f"user{source.randrange(USERS)}",
            "action": _ACTIONS[source.randrange(3)],
            "page": f"/page/{source.randrange(500)}",
            "ts": START_MS + number + source.randrange(_JITTER_MS),
        }


def write_clicks(folder: Path, count: int, files: int) -> None:
    """Write the clicks, line by line over `files` files, so that each file spans the whole time."""
    folder.mkdir(parents=True)
    ends = [(folder / f"{number}.json").open("w") for number in range(files)]
    try:
        for number, click in enumerate(clicks(count)):
            ends[number % files].write(json.dumps(click) + "\n")
    finally:
        for end in ends:
            end.close()
