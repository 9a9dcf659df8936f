"""A result that comes later, in PyFlink's shape; wraps a standard future."""

from concurrent.futures import Future
from typing import Any


class CompletableFuture:
    """A result that comes later."""

    def __init__(self, future: "Future[Any]") -> None:
        self._future = future

    def result(self) -> Any:
        """Wait and return the result; raises what the work raised."""
        return self._future.result()

    def exception(self) -> BaseException | None:
        """Wait and return what the work raised, or None."""
        return self._future.exception()

    def done(self) -> bool:
        """Whether it is there."""
        return self._future.done()

    def cancel(self) -> bool:
        """Give up the work if it has not begun."""
        return self._future.cancel()

    def cancelled(self) -> bool:
        """Whether it was given up."""
        return self._future.cancelled()
