"""`make campaign`: `python -m tests.campaign [changes] [views]` on an API server of its own. Prints its seed.

Ends with 1 where something failed. `--number` bounds the changes, `--seed` repeats a campaign.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock_operator import crds
from penstock_operator.logs import set_up_logs
from penstock_operator.settings import Settings
from tests.campaign import changes, views
from tests.campaign.driver import World
from tests.campaign.perturbed import Perturbation
from tests.operator_kubernetes.conftest import start_api_server
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet


@contextmanager
def world() -> Iterator[World]:
    """An API server with stubs."""
    with tempfile.TemporaryDirectory(prefix="penstock-campaign-") as name:
        folder = Path(name)
        with start_api_server(folder) as server:
            client = server.client()
            try:
                crds.apply(client)
                with (
                    StubJobManagers() as stubs,
                    StubKubelet(client, stubs, start_seconds=0.02, end_seconds=0.02) as kubelet,
                ):
                    yield World(client, stubs, kubelet, folder)
            finally:
                client.close()


def main(arguments: list[str]) -> int:
    """Run; 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign")
    parser.add_argument("which", nargs="*", choices=["changes", "views"], default=["changes", "views"])
    parser.add_argument("--number", type=int, default=300, help="changes to generate")
    parser.add_argument("--perturbations", type=int, help="of the views; all of them if not given")
    parser.add_argument("--rollouts", nargs="*", choices=tuple(views.ROLLOUTS), default=tuple(views.ROLLOUTS))
    kinds = [kind.name for kind in Perturbation]
    parser.add_argument("--kinds", nargs="*", choices=kinds, default=kinds, help="of perturbations")
    parser.add_argument("--minutes", type=float, help="no perturbation is begun after so long")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    set_up_logs(Settings(log_level="CRITICAL"))
    failed = 0
    with world() as where:
        if "changes" in options.which:
            begun = time.monotonic()
            report = changes.run(where, options.number, options.seed)
            print(f"changes there and back, {time.monotonic() - begun:.0f} s\n{report.text()}", flush=True)
            failed += len(report.failures)
        if "views" in options.which:
            begun = time.monotonic()
            seconds = None if options.minutes is None else options.minutes * 60
            chosen = [Perturbation[kind] for kind in options.kinds]
            bounds = views.Bounds(options.rollouts, chosen, options.perturbations, seconds)
            report = views.run(where, options.seed, bounds)
            print(f"perturbed views, {time.monotonic() - begun:.0f} s\n{report.text()}", flush=True)
            failed += len(report.failures)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
