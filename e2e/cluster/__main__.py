"""The command: `python -m e2e.cluster build|up|status|down|kubectl …`."""

from __future__ import annotations

import logging
import sys

from e2e.cluster.build import build_all
from e2e.cluster.kind import kind_answers
from e2e.cluster.layout import ClusterError
from e2e.cluster.packages import install_missing
from e2e.cluster.provider import this_cluster

_USAGE = "usage: python -m e2e.cluster build|up|status|down|kubectl ARGUMENTS…"


def main(arguments: list[str]) -> int:
    """Carry out one verb; 0 where it worked, 1 where it did not, 2 where it is not a verb."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    try:
        return _carry_out(verb, rest)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _carry_out(verb: str, rest: list[str]) -> int:
    cluster = this_cluster()
    if verb == "build":
        if not kind_answers():
            install_missing()
            build_all()
        return 0
    if verb == "up":
        cluster.up()
        print(f"export KUBECONFIG={cluster.kubeconfig}")
        return 0
    if verb == "down":
        cluster.down()
        return 0
    if verb == "status":
        up = cluster.is_up()
        print("up" if up else "down")
        return 0 if up else 1
    if verb == "kubectl":
        done = cluster.kubectl(*rest)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode
    print(_USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
