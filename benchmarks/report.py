"""Figures of a benchmark run: gathered by the benchmarks, printed as a table, kept as JSON under `build/benchmarks/`."""

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path("build") / "benchmarks"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value of one engine; `ratio` is ours over the peer's (or against `target`, where there is one)."""

    what: str
    engine: str
    value: float
    unit: str
    ratio: float | None = None
    target: str = ""


@dataclass(slots=True)
class Report:
    """All figures of one benchmark."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    started: float = field(default_factory=time.time)

    def add(self, figure: Figure) -> None:
        """Take a figure and show that it is there."""
        self.figures.append(figure)
        print(f"  {figure.what:34} {figure.engine:28} {_shown(figure.value):>12} {figure.unit}", flush=True)

    def write(self) -> Path:
        """Keep the figures, with the machine's part in them."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{self.name}.json"
        content = {
            "benchmark": self.name,
            "started": round(self.started),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
            "figures": [asdict(figure) for figure in self.figures],
        }
        path.write_text(json.dumps(content, indent=2) + "\n")
        return path

    def show(self) -> None:
        """Print the table."""
        table = Table(title=f"{self.name} (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)")
        for column in ("what", "engine", "value", "unit", "ours / peer", "target"):
            table.add_column(column, justify="right" if column in ("value", "ours / peer") else "left")
        for figure in self.figures:
            ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
            table.add_row(figure.what, figure.engine, _shown(figure.value), figure.unit, ratio, figure.target)
        Console().print(table)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
