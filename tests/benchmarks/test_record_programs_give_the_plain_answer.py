"""What the benchmark programs compute on Penstock is what plain Python computes: a fast wrong answer is worth nothing."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.clicks import clicks, write_clicks

ROOT = Path(__file__).parents[2]
COUNT = 3_000


def printed(program: str, folder: Path, parallelism: int) -> list[tuple[str, ...]]:
    command = [
        sys.executable,
        "benchmarks/programs/record_functions.py",
        program,
        str(folder),
        str(parallelism),
    ]
    done = subprocess.run(
        [*command, "--print"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=150
    )
    records = (line.rpartition("> ")[2] for line in done.stdout.splitlines())
    return [tuple(record[1:-1].split(",")) for record in records if record.startswith("(")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clicks(tmp_path / "clicks", COUNT, 2)
    return tmp_path / "clicks"


def test_the_running_sum_counts_each_click(folder: Path) -> None:
    expected = Counter(click["user"] for click in clicks(COUNT) if click["action"] == "click")
    found: Counter[object] = Counter()
    for user, total in printed("running_sum", folder, 2):
        found[user] = max(found[user], int(total))
    assert found == expected


def test_windows_count_each_click_once(folder: Path) -> None:
    expected = Counter((click["user"], int(str(click["ts"])) // 10_000 * 10_000) for click in clicks(COUNT))
    found = {(user, int(start)): int(count) for user, start, count in printed("window_count", folder, 2)}
    assert found == expected


def test_visits_hold_all_clicks(folder: Path) -> None:
    expected = Counter(click["user"] for click in clicks(COUNT))
    found: Counter[object] = Counter()
    for user, _ends, count in printed("visits", folder, 1):
        found[user] += int(count)
    assert found == expected
