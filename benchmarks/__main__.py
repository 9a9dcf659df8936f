"""Runs the benchmarks: `python -m benchmarks [name ...]`; all of them when no name is given, `peers` installs the peers.

Called by `make bench`. What a benchmark is for is the first sentence of its module, which `--help` shows.
"""

import argparse
import sys
from types import ModuleType

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

BENCHMARKS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        record_functions,
        kafka_to_kafka,
        start_stop,
        rescale,
        checkpoint_gap,
        memory,
        click_rate,
    )
}
_PEERS = "peers"
_EPILOG = """environment:
  BENCH_TRIES    tries of each measured run of record_functions; the best counts (2)
  BENCH_SECONDS  how long memory is watched (60; `make soak`: 3600)

Each prints its figures; those with peers also write build/benchmarks/<name>.json. benchmarks/README.md says how to
read them."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    width = max(map(len, [*BENCHMARKS, _PEERS]))
    lines = [f"  {name:{width}}  {first_sentence(module)}" for name, module in BENCHMARKS.items()]
    lines.append(f"  {_PEERS:{width}}  Installs PyFlink, bytewax and quixstreams to measure beside.")
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Penstock beside its peers.\n\nbenchmarks:\n" + "\n".join(lines),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help="what to run, in this order; everything but peers if none is given",
    )
    return made


def first_sentence(module: ModuleType) -> str:
    """What a module says that it is."""
    return " ".join((module.__doc__ or "").split()).partition(". ")[0].rstrip(".") + "."


def main(arguments: list[str]) -> int:
    """Run the named benchmarks in turn."""
    asked = parser()
    names: list[str] = asked.parse_args(arguments).names
    unknown = [name for name in names if name not in BENCHMARKS and name != _PEERS]
    if unknown:
        asked.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}, and {_PEERS}")
    for name in names or list(BENCHMARKS):
        if name == _PEERS:
            install_all()
        else:
            BENCHMARKS[name].main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
