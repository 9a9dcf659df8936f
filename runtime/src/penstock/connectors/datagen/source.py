"""The data generator: a function of the numbers 0, 1, 2, … as a source, restored at the number where it was.

Splits and positions are the sequence source's; only the reader differs: it applies the function, and waits where a
rate is set.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penstock.common.typeinfo import TypeInformation
from penstock.connectors.contract import ReaderContext, SourceBatch
from penstock.connectors.datagen.rates import RateLimiter, RateLimiterStrategy, Unlimited
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.in_memory import RangeReader
from penstock.connectors.public import Source
from penstock.graph.jobgraph import Boundedness

_ENDLESS = 2**63 - 1


class GeneratorFunction:
    """Makes a record of a number. Subclass it and override `map`."""

    def open(self, reader_context: ReaderContext) -> None:
        """Called once in each subtask, before the first record."""

    def map(self, value: int) -> Any:
        """The record of this number; the same number may be asked for again after a restore."""
        raise TypeError(f"{type(self).__name__} does not override map")

    def close(self) -> None:
        """Called at the end."""


@dataclass(frozen=True)
class _Plain(GeneratorFunction):
    function: Callable[[int], Any]

    def map(self, value: int) -> Any:
        """By the function."""
        return self.function(value)


class GeneratorReader(RangeReader):
    """Numbers through the function, at the rate."""

    def __init__(self, function: GeneratorFunction, strategy: RateLimiterStrategy) -> None:
        super().__init__(self._make)
        self._function = function
        self._strategy = strategy
        self._limiter: RateLimiter = Unlimited()
        self._closing = threading.Event()
        self._waker: threading.Thread | None = None

    def open(self, ctx: ReaderContext) -> None:
        """Open the function; where a rate is set, a thread wakes the task when more may be made."""
        super().open(ctx)
        self._function.open(ctx)
        self._limiter = self._strategy.limiter(ctx.subtask_index, ctx.parallelism)
        wait = self._limiter.wait_seconds
        if wait is not None:
            self._waker = threading.Thread(
                target=self._keep_waking,
                args=(wait, ctx.wake),
                name=f"datagen-{ctx.subtask_index}",
                daemon=True,
            )
            self._waker.start()

    def poll(self, max_records: int) -> SourceBatch | None:
        """As many as the rate allows."""
        wanted = min(max_records, self.left_in_split())
        allowed = self._limiter.take(wanted) if wanted else 0
        return super().poll(allowed) if allowed else None

    def notify_complete(self, checkpoint_id: int) -> None:
        """Where the rate is one for each checkpoint, the next interval begins."""
        self._limiter.checkpoint_completed()
        self._wake()

    def close(self) -> None:
        """End the thread, close the function."""
        self._closing.set()
        if self._waker is not None:
            self._waker.join(timeout=10)
        self._function.close()

    def _make(self, start: int, end: int) -> list[Any]:
        make = self._function.map
        return [make(number) for number in range(start, end)]

    def _keep_waking(self, seconds: float, wake: Callable[[], None]) -> None:
        while not self._closing.wait(seconds):
            wake()


@dataclass(frozen=True, slots=True)
class _ReaderFactory:
    function: GeneratorFunction
    strategy: RateLimiterStrategy

    def __call__(self) -> GeneratorReader:
        return GeneratorReader(self.function, self.strategy)


class DataGeneratorSource(Source):
    """The data generator, named as in Flink's Java API (PyFlink has none).

    `generator_function` is a `GeneratorFunction` or a plain function of the number; `count` None goes on for ever.
    """

    def __init__(
        self,
        generator_function: GeneratorFunction | Callable[[int], Any],
        count: int | None,
        rate_limiter_strategy: RateLimiterStrategy | None = None,
        type_info: TypeInformation | None = None,
    ) -> None:
        if count is not None and count < 1:
            raise ValueError(
                f"a generator of {count} records is empty: count must be at least 1, or None for no end"
            )
        function = generator_function
        made = function if isinstance(function, GeneratorFunction) else _Plain(function)
        last = _ENDLESS - 1 if count is None else count - 1
        self._type = type_info
        super().__init__(
            SourceDefinition(
                "sequence",
                {"first": 0, "last": last},
                Boundedness.CONTINUOUS_UNBOUNDED if count is None else Boundedness.BOUNDED,
                _ReaderFactory(made, rate_limiter_strategy or RateLimiterStrategy()),
            )
        )

    def get_produced_type(self) -> TypeInformation | None:
        """The type of the records, if one was declared."""
        return self._type
