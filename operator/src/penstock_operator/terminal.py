"""Where the command lines print: as wide as a terminal; a script that reads it gets whole lines. Called by both."""

import sys
from typing import Any

from rich.console import Console

SCRIPT_WIDTH = 1000
"""Columns where nobody looks: no cell of a table is folded."""


def terminal(stderr: bool = False, **options: Any) -> Console:
    """A console of standard output, or of standard error; `options` are rich's."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else SCRIPT_WIDTH, **options)
