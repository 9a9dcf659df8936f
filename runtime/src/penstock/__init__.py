"""The bundled stream runtime: PyFlink-compatible programs with exactly-once state."""

import sys

# httpx imports its own command line with it (click, rich, pygments: 40% of its import), which no process of ours uses and
# every start of a pod would pay for. It does without where that cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
