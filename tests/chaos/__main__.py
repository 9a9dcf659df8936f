"""`python -m tests.chaos`: faults drawn from a seed over a job that must count every record once. Exit code 1 when it did not."""

import argparse
import logging
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import FaultKind, plan
from tests.chaos.run import run
from tests.chaos.world import NoProgress


def main() -> int:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=200, help="how many (default 200)")
    parser.add_argument(
        "--seed", type=int, default=None, help="draws the faults; printed, so that a run can be repeated"
    )
    parser.add_argument("--rate", type=int, default=500, help="records a second (default 500)")
    parser.add_argument("--seconds", type=float, default=7200, help="bring no more faults after so long")
    parser.add_argument(
        "--only", nargs="*", choices=[kind.value for kind in FaultKind], help="these kinds alone"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and files")
    options = parser.parse_args()
    logging.getLogger("kafka").setLevel(logging.ERROR)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    kinds = [FaultKind(name) for name in options.only] if options.only else tuple(FaultKind)
    folder = Path(tempfile.mkdtemp(prefix="penstock-chaos-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended all the same
    print(f"seed {seed}, logs in {folder}", flush=True)
    try:
        outcome = run(
            folder,
            seed,
            plan(seed, options.faults, kinds),
            options.rate,
            options.seconds,
            say=lambda line: print(line, flush=True),
        )
    except NoProgress as error:
        print(f"seed {seed}: {error}", flush=True)
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"seed {seed}: {outcome}", flush=True)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
