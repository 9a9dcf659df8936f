"""`python -m benchmarks.autoscaler [--seed N]`: every trace to every policy, as a table and as JSON."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.autoscaler.play import Score, play
from benchmarks.autoscaler.policies import Hpa, Ours, Policy, Upstream
from benchmarks.autoscaler.traces import TRACES

_POLICIES: tuple[type[Policy], ...] = (Ours, Upstream, Hpa)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoscaler", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="of the noise in the load")
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks/autoscaler.json"))
    arguments = parser.parse_args()
    rounds = [(trace, policy) for trace in TRACES for policy in _POLICIES]
    console = Console()
    scores = [
        play(trace, policy(), arguments.seed)
        for trace, policy in track(rounds, "playing", console=console, transient=True)
    ]
    console.print(_table(scores, arguments.seed))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps([asdict(score) for score in scores], indent=1) + "\n", "utf-8")
    console.print(f"written to {arguments.output}")


def _table(scores: list[Score], seed: int) -> Table:
    table = Table(title=f"autoscalers on load traces (seed {seed})")
    for head in ("trace", "policy", "mean lag, s", "worst lag, s", "slot hours", "rescales"):
        table.add_column(head, justify="left" if head in ("trace", "policy") else "right")
    for score in scores:
        table.add_row(
            score.trace, score.policy, f"{score.lag_seconds:.2f}", f"{score.worst_lag_seconds:.0f}",
            f"{score.slot_hours:.0f}", str(score.rescales),
        )  # fmt: skip
    return table


if __name__ == "__main__":
    main()
