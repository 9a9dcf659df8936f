"""Async functions and when to ask again, in PyFlink's shape; public at `penstock.datastream.functions`. Run by `operators.async_io`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic

from typing_extensions import TypeVar

from penstock.datastream.function_base import Function

IN = TypeVar("IN", default=Any)
OUT = TypeVar("OUT", default=Any)

ResultPredicate = Callable[[list[Any]], bool]
ErrorPredicate = Callable[[Exception], bool]


class AsyncRetryPredicate(ABC, Generic[OUT]):
    """Which outcomes are worth another attempt."""

    @abstractmethod
    def result_predicate(self) -> ResultPredicate | None:
        """True for results to ask again for; None: no result is."""

    @abstractmethod
    def exception_predicate(self) -> ErrorPredicate | None:
        """True for errors to ask again after; None: no error is."""


class AsyncRetryStrategy(ABC, Generic[OUT]):
    """How often and when an async function is asked again. One object serves all records: keep no counts in it."""

    @abstractmethod
    def can_retry(self, current_attempts: int) -> bool:
        """Whether there may be another attempt after so many."""

    @abstractmethod
    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """How long to wait after so many attempts."""

    @abstractmethod
    def get_retry_predicate(self) -> AsyncRetryPredicate:
        """Which outcomes are worth it."""

    @staticmethod
    def no_restart() -> "AsyncRetryStrategy":
        """Never again."""
        from penstock.datastream.async_retry_strategies import NO_RETRY_STRATEGY

        return NO_RETRY_STRATEGY

    @staticmethod
    def fixed_delay(
        max_attempts: int,
        backoff_time_millis: int,
        result_predicate: ResultPredicate | None,
        exception_predicate: ErrorPredicate | None,
    ) -> "AsyncRetryStrategy":
        """So many times, always after the same time."""
        from penstock.datastream.async_retry_strategies import FixedDelayRetryStrategy

        return FixedDelayRetryStrategy(
            max_attempts, backoff_time_millis, result_predicate, exception_predicate
        )

    @staticmethod
    def exponential_backoff(
        max_attempts: int,
        initial_delay: int,
        max_retry_delay: int,
        multiplier: float,
        result_predicate: ResultPredicate | None,
        exception_predicate: ErrorPredicate | None,
    ) -> "AsyncRetryStrategy":
        """So many times, each after a longer time, up to a longest."""
        from penstock.datastream.async_retry_strategies import ExponentialBackoffDelayRetryStrategy

        return ExponentialBackoffDelayRetryStrategy(
            max_attempts, initial_delay, max_retry_delay, multiplier, result_predicate, exception_predicate
        )


class AsyncFunction(Function, Generic[IN, OUT]):
    """Any results of a record, got by awaiting something: a service, a database. Many records are in flight at once."""

    @abstractmethod
    async def async_invoke(self, value: IN) -> list[OUT]:
        """The results of a record. Runs on an asyncio loop beside the slot's thread; what it raises fails the job."""

    def timeout(self, value: IN) -> list[OUT]:
        """The results of a record that took too long; raises unless overridden. Must not block."""
        raise TimeoutError(f"no result in time for {value!r}")
