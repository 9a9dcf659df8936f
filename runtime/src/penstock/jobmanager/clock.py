"""The JobManager's clock. Called by the shell only; machines are told the time."""

import time


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
