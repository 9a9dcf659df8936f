"""Async I/O on a stream, in PyFlink's place: `AsyncDataStream.unordered_wait(stream, function, Time.seconds(5))`."""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

from typing import Any

from penstock.common.time import Time, span_ms
from penstock.common.typeinfo import TypeInformation
from penstock.datastream.async_functions import AsyncRetryStrategy
from penstock.datastream.async_retry_strategies import NoRetryStrategy
from penstock.datastream.data_stream import DataStream
from penstock.operators.async_factory import AsyncFactory

DEFAULT_CAPACITY = 100


class AsyncDataStream:
    """Applies an AsyncFunction; at most `capacity` records of a subtask are in flight."""

    @staticmethod
    def unordered_wait(
        data_stream: DataStream,
        async_function: Any,
        timeout: Time,
        capacity: int = DEFAULT_CAPACITY,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Results as they come; none passes a watermark. A timeout of 0 waits for ever."""
        spec = AsyncFactory(async_function, span_ms(timeout), capacity, is_ordered=False)
        return _add(data_stream, spec, output_type)

    @staticmethod
    def ordered_wait(
        data_stream: DataStream,
        async_function: Any,
        timeout: Time,
        capacity: int = DEFAULT_CAPACITY,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Results in the order of their records."""
        spec = AsyncFactory(async_function, span_ms(timeout), capacity, is_ordered=True)
        return _add(data_stream, spec, output_type)

    @staticmethod
    def unordered_wait_with_retry(
        data_stream: DataStream,
        async_function: Any,
        timeout: Time,
        async_retry_strategy: AsyncRetryStrategy,
        capacity: int = DEFAULT_CAPACITY,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Results as they come, asked for again as the strategy says; the timeout covers all attempts."""
        retry = _strategy(async_retry_strategy)
        spec = AsyncFactory(async_function, _limit(timeout), capacity, is_ordered=False, retry=retry)
        return _add(data_stream, spec, output_type)

    @staticmethod
    def ordered_wait_with_retry(
        data_stream: DataStream,
        async_function: Any,
        timeout: Time,
        async_retry_strategy: AsyncRetryStrategy,
        capacity: int = DEFAULT_CAPACITY,
        output_type: TypeInformation | None = None,
    ) -> DataStream:
        """Results in the order of their records, asked for again as the strategy says; the timeout covers all attempts."""
        retry = _strategy(async_retry_strategy)
        spec = AsyncFactory(async_function, _limit(timeout), capacity, is_ordered=True, retry=retry)
        return _add(data_stream, spec, output_type)


def _strategy(strategy: AsyncRetryStrategy) -> AsyncRetryStrategy | None:
    return None if isinstance(strategy, NoRetryStrategy) else strategy


def _limit(timeout: Time) -> int:
    millis = span_ms(timeout)
    if millis <= 0:
        raise ValueError("retries need a timeout greater than zero: it covers all attempts of a record")
    return millis


def _add(stream: DataStream, spec: AsyncFactory, output_type: TypeInformation | None) -> DataStream:
    if spec.capacity < 1:
        raise ValueError(f"the capacity of async I/O must be at least 1, not {spec.capacity}")
    if spec.timeout_ms < 0:
        raise ValueError(f"the timeout of async I/O cannot be negative: {spec.timeout_ms} ms")
    result = stream._transform("Async I/O", spec, output_type)
    result._node.is_stateful = True
    return result
