"""What a program says of async I/O; travels to slots, where `operators.async_io` runs it. Imports no asyncio: most jobs need none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.operators.async_io import AsyncOperator


@dataclass(frozen=True, slots=True)
class AsyncFactory:
    """Makes an AsyncOperator; travels to slots. `timeout_ms` 0 waits for ever; `retry` is an AsyncRetryStrategy."""

    function: Any
    timeout_ms: int
    capacity: int
    is_ordered: bool
    retry: Any = None

    def __call__(self) -> "AsyncOperator":
        """A new operator; asyncio is imported here, by slots that run one."""
        from penstock.operators.async_io import AsyncOperator

        return AsyncOperator(self)
