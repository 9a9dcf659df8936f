"""Holds the job's output against a plain batch count of the same clicks.

A window's count may be sent again when a late click comes: the last (greatest) one is its answer. Late clicks that no
window took are in their own output. Counted exactly once means: for every window and key, answer + late = batch.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WINDOW_MS = 5_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison found."""

    clicks: int
    counted: int
    late: int
    windows: int
    repeated: int
    """Lines that stand in the output twice, word for word: the mark of a doubled commit."""
    wrong: list[str]

    @property
    def is_exact(self) -> bool:
        """Nothing was lost or counted twice."""
        return self.clicks > 0 and not self.wrong and not self.repeated


def lines_under(folder: Path) -> Iterator[str]:
    """Lines of all visible files, at any depth: hidden ones and folders are not committed yet."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts):
            yield from path.read_text(encoding="utf-8").splitlines()


def batch_count(folder: Path) -> tuple[Counter[tuple[str, str]], Counter[tuple[int, str, str]]]:
    """Clicks per (kind, name), and per (window, kind, name); the closing click is left out."""
    subjects: Counter[tuple[str, str]] = Counter()
    windows: Counter[tuple[int, str, str]] = Counter()
    for line in lines_under(folder):
        click = json.loads(line)
        if click["user"] == "closing":
            continue
        for subject in (("page", click["page"]), ("user", click["user"])):
            subjects[subject] += 1
            windows[(click["ts"] // WINDOW_MS * WINDOW_MS, *subject)] += 1
    return subjects, windows


def answers(folder: Path) -> tuple[dict[tuple[int, str, str], int], int]:
    """The last count of each (window, kind, name), and how many lines are there twice."""
    found: dict[tuple[int, str, str], int] = {}
    lines = Counter(lines_under(folder))
    for line in lines:
        metric = json.loads(line)
        name = (metric["window"], metric["kind"], metric["key"])
        found[name] = max(found.get(name, 0), metric["count"])
    return found, sum(times - 1 for times in lines.values())


def verify(clicks: Path, output: Path) -> Verdict:
    """Compare. Call it when the job has read everything and its last windows have fired."""
    subjects, windows = batch_count(clicks)
    found, repeated = answers(output / "metrics")
    late = Counter(tuple(json.loads(line)) for line in lines_under(output / "late"))
    counted: Counter[tuple[str, str]] = Counter()
    wrong = []
    for (window, kind, name), count in found.items():
        if name in ("closing", "/closing"):
            continue
        counted[kind, name] += count
        if count > windows[window, kind, name]:
            wrong.append(
                f"{kind} {name} in window {window}: {count}, but there were {windows[window, kind, name]}"
            )
    for subject, number in subjects.items():
        if counted[subject] + late[subject] != number:
            wrong.append(
                f"{' '.join(subject)}: {counted[subject]} counted and {late[subject]} late of {number}"
            )
    pages = sum(number for (kind, _), number in subjects.items() if kind == "page")
    of_pages = sum(number for (kind, _), number in counted.items() if kind == "page")
    return Verdict(pages, of_pages, sum(late.values()) // 2, len(found), repeated, wrong)
