"""The end of this process's log, kept in memory for REST where no log folder is configured (a pod logs to stdout)."""

import logging
from collections import deque

LINES = 5000


class LogTail(logging.Handler):
    """A handler that keeps the last lines."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the formatted record."""
        self._lines.append(self.format(record))

    def text(self) -> str:
        """All kept lines."""
        return "".join(f"{line}\n" for line in tuple(self._lines))
