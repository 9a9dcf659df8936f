"""Figures that the end-to-end tests measure: each is printed with its test, and all of them at the end of the run.

Written by tests in several workers, read by `e2e.run`. A line is one short append, so workers never mix theirs.
"""

from __future__ import annotations

from e2e.cluster.layout import STATE

FILE = STATE / "figures.txt"


def say(what: str, seconds: float) -> None:
    """Note a duration."""
    line = f"figure: {what} {seconds:.1f} s"
    print(line)
    with FILE.open("a") as file:
        file.write(f"{line}\n")


def forget() -> None:
    """Begin a run without the figures of an earlier one."""
    FILE.unlink(missing_ok=True)


def all_said() -> list[str]:
    """The figures of this run, sorted."""
    return sorted(FILE.read_text().splitlines()) if FILE.exists() else []
