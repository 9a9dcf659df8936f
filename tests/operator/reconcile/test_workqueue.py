"""The work queue: wakes are merged, a resource is never reconciled twice at once, a failure stops nobody."""

import threading
import time

from penstock_operator.model.facts import Ref
from penstock_operator.reconcile.workqueue import WorkQueue

ONE, TWO = Ref("default", "one"), Ref("default", "two")


def test_resource_is_reconciled_by_one_worker_at_a_time() -> None:
    inside, most, turns = [0], [0], [0]
    lock, done = threading.Lock(), threading.Event()

    def reconcile(_: Ref) -> float | None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        with lock:
            inside[0] -= 1
            turns[0] += 1
            if turns[0] >= 5:
                done.set()
        return 0.0 if turns[0] < 5 else None

    queue = WorkQueue(reconcile, workers=4)
    queue.start()
    for _ in range(20):
        queue.wake(ONE)
    assert done.wait(60)
    queue.close()
    assert most[0] == 1


def test_wake_during_a_turn_causes_another() -> None:
    began, release, turns, second = threading.Event(), threading.Event(), [0], threading.Event()

    def reconcile(_: Ref) -> float | None:
        turns[0] += 1
        if turns[0] == 1:
            began.set()
            release.wait(60)
        else:
            second.set()
        return None

    queue = WorkQueue(reconcile, workers=2)
    queue.start()
    queue.wake(ONE)
    assert began.wait(60)
    queue.wake(ONE)
    assert not second.wait(0.1)
    release.set()
    assert second.wait(60)
    queue.close()


def test_failing_resource_does_not_stop_another() -> None:
    well = threading.Event()

    def reconcile(ref: Ref) -> float | None:
        if ref == ONE:
            raise RuntimeError("a defect")
        well.set()
        return None

    queue = WorkQueue(reconcile, workers=1)
    queue.start()
    queue.wake(ONE)
    queue.wake(TWO)
    assert well.wait(60)
    queue.close()


def test_earlier_wake_wins() -> None:
    seen = threading.Event()
    queue: WorkQueue[Ref] = WorkQueue(lambda _: seen.set(), workers=1)
    queue.start()
    queue.wake(ONE, after=3600)
    queue.wake(ONE)
    assert seen.wait(60)
    queue.close()


def test_a_change_goes_ahead_of_news_and_news_of_looks_that_are_due() -> None:
    order: list[str] = []
    held, entered = threading.Event(), threading.Event()

    def reconcile(ref: Ref) -> None:
        order.append(ref.name)
        if ref.name == "first":
            entered.set()
            held.wait(60)

    queue: WorkQueue[Ref] = WorkQueue(reconcile, workers=1)
    queue.start()
    queue.wake(Ref("n", "first"))
    assert entered.wait(60)
    queue.wake(Ref("n", "look"), after=0.001)
    queue.wake(Ref("n", "news"))
    queue.wake(Ref("n", "change"), is_change=True)
    deadline = time.monotonic() + 60
    held.set()
    while len(order) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    queue.close()
    assert order == ["first", "change", "news", "look"]
