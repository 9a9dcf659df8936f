"""The mailbox of a slot: mail from any thread, timers, sockets, and rounds over the tasks, all in one thread.

Run by `taskmanager.slot`. A round lets every task handle one batch; then come mail, timers and sockets. With nothing to
do it waits for whichever comes first. It never runs two things at once, which is what lets operators do without locks.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from penstock.exchange.reactor import Reactor

Mail = Callable[[], None]


class Round(Protocol):
    """What the mailbox drives."""

    def work(self) -> bool:
        """Let every task handle one batch; False if none had anything to do."""

    def flush(self) -> bool:
        """Send on what waits in buffers; False if nothing did."""

    def longest_wait_seconds(self) -> float | None:
        """How long the mailbox may wait when idle."""


class Mailbox:
    """Mail, timers and sockets of one thread."""

    def __init__(self, reactor: Reactor, flush_interval_seconds: float = 0.1) -> None:
        self.reactor = reactor
        self.flush_interval_seconds = flush_interval_seconds
        """No record waits longer in a buffer."""
        self._mails: deque[Mail] = deque()
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self._sequence = 0
        self._is_stopped = False
        self.busy_since: float | None = None
        """When the present round began (monotonic); None while waiting. Read by the stall watch."""

    def post(self, mail: Mail) -> None:
        """Run it in the task thread, soon; from any thread."""
        self._mails.append(mail)
        self.reactor.wake()

    def wake(self) -> None:
        """Do a round even if there is no mail; from any thread."""
        self.reactor.wake()

    def call_at(self, timestamp: int, callback: Callable[[int], None]) -> None:
        """Call back with `timestamp` at that time (ms since the epoch) or later; from the task thread."""
        self._sequence += 1
        heapq.heappush(self._timers, (timestamp, self._sequence, callback))

    def clear_timers(self) -> None:
        """Forget all timers: the attempt that set them is over."""
        self._timers.clear()

    def stop(self) -> None:
        """End `run` after the present round."""
        self._is_stopped = True
        self.reactor.wake()

    def run(self, rounds: Round) -> None:
        """Drive the tasks until `stop`."""
        next_flush = time.monotonic() + self.flush_interval_seconds
        while not self._is_stopped:
            self.busy_since = time.monotonic()
            self._run_mails()
            self._fire_timers()
            if rounds.work():
                self.reactor.poll(0)
                if time.monotonic() < next_flush:
                    continue
                rounds.flush()
            elif not rounds.flush() and not self._mails:
                self.busy_since = None
                self.reactor.poll(self._wait_seconds(rounds.longest_wait_seconds()))
            next_flush = time.monotonic() + self.flush_interval_seconds

    def _run_mails(self) -> None:
        # Mail that these mails post waits for the next round.
        for _ in range(len(self._mails)):
            self._mails.popleft()()

    def _fire_timers(self) -> None:
        timers = self._timers
        if not timers:
            return
        now = time.time_ns() // 1_000_000
        while timers and timers[0][0] <= now:
            timestamp, _, callback = heapq.heappop(timers)
            callback(timestamp)

    def _wait_seconds(self, longest: float | None) -> float | None:
        if not self._timers:
            return longest
        until = max(0.0, self._timers[0][0] / 1000 - time.time())
        return until if longest is None else min(until, longest)
