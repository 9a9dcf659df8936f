"""The usual retry strategies of async I/O, in PyFlink's place."""

from penstock.datastream.async_functions import (
    AsyncRetryPredicate,
    AsyncRetryStrategy,
    ErrorPredicate,
    ResultPredicate,
)

__all__ = [
    "ExponentialBackoffDelayRetryStrategy",
    "FixedDelayRetryStrategy",
    "NoRetryStrategy",
    "RetryPredicate",
]


class RetryPredicate(AsyncRetryPredicate):
    """Two functions."""

    def __init__(
        self, result_predicate: ResultPredicate | None, exception_predicate: ErrorPredicate | None
    ) -> None:
        self._result_predicate = result_predicate
        self._exception_predicate = exception_predicate

    def result_predicate(self) -> ResultPredicate | None:
        """As given."""
        return self._result_predicate

    def exception_predicate(self) -> ErrorPredicate | None:
        """As given."""
        return self._exception_predicate


class NoRetryStrategy(AsyncRetryStrategy):
    """Never again."""

    def can_retry(self, current_attempts: int) -> bool:
        """No."""
        return False

    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """Of no meaning."""
        return -1

    def get_retry_predicate(self) -> AsyncRetryPredicate:
        """Nothing is worth it."""
        return RetryPredicate(None, None)


class FixedDelayRetryStrategy(AsyncRetryStrategy):
    """At most `max_attempts` more, always after the same time."""

    def __init__(
        self,
        max_attempts: int,
        backoff_time_millis: int,
        result_predicate: ResultPredicate | None,
        exception_predicate: ErrorPredicate | None,
    ) -> None:
        _check(max_attempts=max_attempts, backoff_time_millis=backoff_time_millis)
        self._max_attempts = max_attempts
        self._backoff_time_millis = backoff_time_millis
        self._predicate = RetryPredicate(result_predicate, exception_predicate)

    def can_retry(self, current_attempts: int) -> bool:
        """While there are attempts left."""
        return current_attempts <= self._max_attempts

    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """Always the same."""
        return self._backoff_time_millis

    def get_retry_predicate(self) -> AsyncRetryPredicate:
        """As given."""
        return self._predicate


class ExponentialBackoffDelayRetryStrategy(AsyncRetryStrategy):
    """At most `max_attempts` more, each `multiplier` times later than the one before, up to `max_retry_delay`."""

    def __init__(
        self,
        max_attempts: int,
        initial_delay: int,
        max_retry_delay: int,
        multiplier: float,
        result_predicate: ResultPredicate | None,
        exception_predicate: ErrorPredicate | None,
    ) -> None:
        _check(
            max_attempts=max_attempts,
            initial_delay=initial_delay,
            max_retry_delay=max_retry_delay,
            multiplier=multiplier,
        )
        self._max_attempts = max_attempts
        self._initial_delay = initial_delay
        self._max_retry_delay = max_retry_delay
        self._multiplier = multiplier
        self._predicate = RetryPredicate(result_predicate, exception_predicate)

    def can_retry(self, current_attempts: int) -> bool:
        """While there are attempts left."""
        return current_attempts <= self._max_attempts

    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """By the number of attempts alone: records that fail at the same time do not lengthen each other's wait."""
        delay = self._initial_delay * self._multiplier ** max(0, current_attempts - 1)
        return int(min(delay, self._max_retry_delay))

    def get_retry_predicate(self) -> AsyncRetryPredicate:
        """As given."""
        return self._predicate


NO_RETRY_STRATEGY: AsyncRetryStrategy = NoRetryStrategy()


def _check(**numbers: float) -> None:
    for name, number in numbers.items():
        if number <= 0:
            raise ValueError(f"{name} must be greater than zero, not {number}")
