"""The mailbox: mail from other threads, timers in order, buffers flushed when idle."""

import threading
import time
from collections.abc import Iterator

import pytest

from penstock.exchange.reactor import Reactor
from penstock.taskmanager.mailbox import Mailbox


class Rounds:
    """Work that is given by mail."""

    def __init__(self) -> None:
        self.todo: list[int] = []
        self.done: list[int] = []
        self.flushes = 0
        self.has_pending = False

    def work(self) -> bool:
        if not self.todo:
            return False
        self.done.append(self.todo.pop(0))
        self.has_pending = True
        return True

    def flush(self) -> bool:
        had, self.has_pending = self.has_pending, False
        self.flushes += had
        return had

    def longest_wait_seconds(self) -> float | None:
        return None


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    reactor = Reactor()
    yield Mailbox(reactor)
    reactor.close()


def test_mail_of_another_thread_wakes_an_idle_mailbox(mailbox: Mailbox) -> None:
    rounds = Rounds()

    def give() -> None:
        for number in range(5):
            mailbox.post(lambda number=number: rounds.todo.append(number))  # type: ignore[misc]
        mailbox.post(lambda: mailbox.post(mailbox.stop))

    giver = threading.Timer(0.05, give)
    giver.start()
    mailbox.run(rounds)
    giver.join()
    assert rounds.done == list(range(len(rounds.done)))
    assert len(rounds.done) >= 1


def test_timers_fire_in_order_not_before_their_time(mailbox: Mailbox) -> None:
    now = time.time_ns() // 1_000_000
    fired: list[tuple[int, bool]] = []

    def fire(due: int) -> None:
        fired.append((due - now, time.time_ns() // 1_000_000 >= due))

    mailbox.call_at(now + 40, fire)
    mailbox.call_at(now + 20, fire)
    mailbox.call_at(now + 60, lambda _due: mailbox.stop())
    mailbox.run(Rounds())
    assert fired == [(20, True), (40, True)]


def test_buffers_are_flushed_before_waiting(mailbox: Mailbox) -> None:
    rounds = Rounds()
    rounds.todo = [1]
    mailbox.flush_interval_seconds = 3600
    mailbox.call_at(time.time_ns() // 1_000_000 + 50, lambda _due: mailbox.stop())
    mailbox.run(rounds)
    assert rounds.flushes == 1
