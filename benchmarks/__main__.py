"""Runs the benchmarks: `python -m benchmarks [name ...]`; all of them when no name is given, `peers` installs the peers."""

import sys
from collections.abc import Callable

from benchmarks import (
    checkpoint_gap,
    click_rate,
    kafka_to_kafka,
    memory,
    record_functions,
    rescale,
    start_stop,
)
from benchmarks.peers.environments import install_all

BENCHMARKS: dict[str, Callable[[], None]] = {
    "record_functions": record_functions.main,
    "memory": memory.main,
    "click_rate": click_rate.main,
    "checkpoint_gap": checkpoint_gap.main,
    "kafka_to_kafka": kafka_to_kafka.main,
    "start_stop": start_stop.main,
    "rescale": rescale.main,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks in turn."""
    if names == ["peers"]:
        install_all()
        return 0
    for name in names or list(BENCHMARKS):
        if name not in BENCHMARKS:
            print(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
            return 2
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
