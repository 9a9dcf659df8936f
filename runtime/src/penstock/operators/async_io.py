"""Async I/O: an async function for each record, many in flight, on a loop beside the slot's thread.

The slot's thread takes records and emits results; the loop's thread runs the user's coroutines, time-outs and retries
and hands finished ones back as mail. Records in flight are part of the snapshot and are asked for again after a restore.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from penstock.operators.async_factory import AsyncFactory
from penstock.operators.async_loop import SHARED_LOOP
from penstock.operators.async_queue import AsyncQueue, Entry, OrderedQueue, UnorderedQueue
from penstock.operators.base import EMPTY_SNAPSHOT, PassiveOperator
from penstock.operators.contract import MIN_TIMESTAMP, Batch, OperatorContext, OperatorSnapshot
from penstock.operators.runtime_context import RuntimeContext
from penstock.state.codec import dump_state, load_state

_CANCEL_SECONDS = 2.0


class AsyncFunctionFailed(RuntimeError):
    """An async function raised, timed out or gave something else than a list; names the record."""


class AsyncOperator(PassiveOperator):
    """Runs an AsyncFunction; holds its input back while `capacity` records are in flight."""

    def __init__(self, spec: AsyncFactory) -> None:
        self._spec = spec
        self._invoke: Callable[[Any], Awaitable[Any]] = getattr(spec.function, "async_invoke", spec.function)
        self._queue: AsyncQueue = OrderedQueue() if spec.is_ordered else UnorderedQueue()
        self._waiting: deque[Entry | int] = deque()
        """Records beyond the capacity, with the watermarks behind them."""
        self._finished: deque[Entry] = deque()
        """Written by the loop, read by the slot."""
        self._is_mailed = False
        self._is_quiet = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: set[asyncio.Task[None]] = set()
        """Belongs to the loop's thread."""

    def open(self, ctx: OperatorContext) -> None:
        """Open the function and ask again for what was in flight."""
        self.ctx = ctx
        if hasattr(self._spec.function, "open"):
            self._spec.function.open(RuntimeContext(ctx))
        self._loop = SHARED_LOOP.acquire()
        for blob in ctx.restored.operator if ctx.restored is not None else ():
            self._waiting.extend(Entry(*pair) for pair in load_state(blob, f"operator {ctx.operator_name!r}"))
        self._start()

    # ------------------------------------------------------------------------------------- in the slot's thread

    def process(self, batch: Batch, input_index: int) -> None:
        """Start as many as fit, keep the rest."""
        times = batch.timestamps if batch.timestamps is not None else [MIN_TIMESTAMP] * len(batch)
        self._waiting.extend(map(Entry, batch.values, times))
        self._start()

    def on_watermark(self, timestamp: int) -> None:
        """Behind the records that came before it."""
        if self._waiting:
            self._waiting.append(timestamp)
        elif len(self._queue):
            self._queue.add_watermark(timestamp)
        else:
            self.ctx.output.emit_watermark(timestamp)

    def has_room(self) -> bool:
        """Fewer than `capacity` records are in flight."""
        return not self._waiting and len(self._queue) < self._spec.capacity

    def is_settled(self) -> bool:
        """Nothing is in flight."""
        return not self._waiting and not len(self._queue)

    def set_quiet(self, is_quiet: bool) -> None:
        """Keep results for later, or give them."""
        self._is_quiet = is_quiet
        if not is_quiet:
            self._give()

    def snapshot(self, checkpoint_id: int) -> OperatorSnapshot:
        """The records whose results have not left."""
        left = [*self._queue.entries(), *(item for item in self._waiting if isinstance(item, Entry))]
        if not left:
            return EMPTY_SNAPSHOT
        return OperatorSnapshot(operator=dump_state([(entry.value, entry.timestamp) for entry in left]))

    def close(self) -> None:
        """Cancel what runs, let go of the loop, close the function."""
        if self._loop is not None:
            loop, self._loop = self._loop, None
            cancelled = asyncio.run_coroutine_threadsafe(self._cancel_all(), loop)
            try:
                cancelled.result(_CANCEL_SECONDS)
            except TimeoutError:
                cancelled.cancel()
            SHARED_LOOP.release()
        if hasattr(self._spec.function, "close"):
            self._spec.function.close()

    def _start(self) -> None:
        starting: list[Entry] = []
        while self._waiting:
            item = self._waiting[0]
            if isinstance(item, int):
                self._queue.add_watermark(item)
            elif len(self._queue) < self._spec.capacity:
                self._queue.add(item)
                starting.append(item)
            else:
                break
            self._waiting.popleft()
        if starting and self._loop is not None:
            self._loop.call_soon_threadsafe(self._launch, starting)

    def _give(self) -> None:
        """Mail from the loop: some are finished."""
        self._is_mailed = False
        if self._is_quiet or self._loop is None:
            return
        while self._finished:
            self._queue.complete(self._finished.popleft())
        self._queue.emit(self.ctx.output)
        self._start()
        self._queue.emit(self.ctx.output)  # watermarks that waited for room may leave at once

    # -------------------------------------------------------------------------------------- in the loop's thread

    def _launch(self, entries: list[Entry]) -> None:
        for entry in entries:
            task = asyncio.ensure_future(self._handle(entry))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _handle(self, entry: Entry) -> None:
        try:
            results = await self._ask(entry.value)
            if not isinstance(results, list):
                raise TypeError(f"an async function gives a list of results, not {type(results).__name__}")
        except Exception as error:  # noqa: BLE001 - user code raises what it likes; the task fails with it
            self._fail(entry, error)
            return
        entry.results = results
        self._finished.append(entry)
        if not self._is_mailed:
            self._is_mailed = True
            self.ctx.post(self._give)

    async def _ask(self, value: Any) -> Any:
        seconds = self._spec.timeout_ms / 1000 if self._spec.timeout_ms > 0 else None
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._attempt(value)
        except TimeoutError:
            if not limit.expired():
                raise
        give_up = getattr(self._spec.function, "timeout", None)
        if give_up is None:
            raise TimeoutError(f"no result within {self._spec.timeout_ms} ms")
        return give_up(value)

    async def _attempt(self, value: Any) -> Any:
        """The result of the first attempt that need not, or may not, be made again."""
        retry, attempts = self._spec.retry, 1
        while True:
            if retry is None:
                return await self._invoke(value)
            predicate = retry.get_retry_predicate()
            try:
                result = await self._invoke(value)
                again = predicate.result_predicate()
                if again is None or not again(result) or not retry.can_retry(attempts):
                    return result
            except Exception as error:
                again = predicate.exception_predicate()
                if again is None or not again(error) or not retry.can_retry(attempts):
                    raise
            await asyncio.sleep(retry.get_backoff_time_millis(attempts) / 1000)
            attempts += 1

    def _fail(self, entry: Entry, error: Exception) -> None:
        name = type(self._spec.function).__name__
        failure = AsyncFunctionFailed(f"async function {name} failed for the record {entry.value!r}: {error}")
        failure.__cause__ = error

        def raise_it() -> None:
            raise failure

        self.ctx.post(raise_it)

    async def _cancel_all(self) -> None:
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
