"""Runs the benchmarks: `python -m benchmarks [name]`; all of them when no name is given."""

import sys
from collections.abc import Callable

from benchmarks import click_rate

BENCHMARKS: dict[str, Callable[[], None]] = {"click_rate": click_rate.main}


def main(names: list[str]) -> int:
    """Run the named benchmarks in turn."""
    for name in names or list(BENCHMARKS):
        if name not in BENCHMARKS:
            print(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
            return 2
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
