"""What an unaligned snapshot holds: exactly the records before the barrier that were not handled, for any order of arrival."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from penstock.checkpoint.aligner import Aligner
from penstock.control.barrier import Barrier
from penstock.exchange.channels import InputGate
from penstock.exchange.frames import load_records
from penstock.exchange.in_flight import ChannelCapture, ChannelPlace
from penstock.exchange.writers import RemoteWriter
from penstock.operators.contract import Batch
from penstock.taskmanager.overtaking import Overtaking

NOW = 1000


def barrier(checkpoint_id: int, overtakes_at: int = 0) -> Barrier:
    return Barrier(checkpoint_id=checkpoint_id, timestamp=0, location="", overtakes_at=overtakes_at)


@dataclass
class Receiver:
    """A task that handles what its gate gives, and stops handling into state once it has taken its snapshot."""

    channels: int
    handled: list[int] = field(default_factory=list)
    in_snapshot: list[int] = field(default_factory=list)
    captures: list[ChannelCapture] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = InputGate()
        for index in range(self.channels):
            self.gate.add_channel(0, ChannelPlace("e", index, 0, self.channels, 1))
        self.aligner = Aligner(self.channels)
        self.overtaking = Overtaking(self.gate, self.aligner, self._started, lambda: None)

    def _started(self, _: Barrier, capture: ChannelCapture) -> None:
        self.captures.append(capture)
        self.in_snapshot = list(self.handled)

    def work(self) -> None:
        self.overtaking.check(NOW)
        found = self.gate.next()
        if found is not None and isinstance(found[1], Batch):
            self.handled += found[1].values

    def restored(self) -> list[int]:
        entries = self.captures[-1].entries
        return [*self.in_snapshot, *(value for entry in entries for value in load_records(entry.body).values)]


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["record", "barrier", "work"])), max_size=60),
)
def test_the_snapshot_holds_each_record_before_the_barrier_once(
    channels: int, script: list[tuple[int, str]]
) -> None:
    receiver = Receiver(channels)
    before: list[int] = []
    passed: set[int] = set()
    number = 0
    for pick, what in script:
        channel = pick % channels
        if what == "work":
            receiver.work()
        elif what == "record":
            number += 1
            receiver.gate.channels[channel].push(Batch([number]))
            if channel not in passed:
                before.append(number)
        elif channel not in passed:
            passed.add(channel)
            receiver.gate.channels[channel].push(barrier(1))
            receiver.overtaking.check(NOW)
    for channel in set(range(channels)) - passed:
        receiver.gate.channels[channel].push(barrier(1))
        receiver.overtaking.check(NOW)
    assert len(receiver.captures) == 1
    assert receiver.captures[0].is_complete
    assert sorted(receiver.restored()) == before


def test_a_newer_barrier_ends_an_older_snapshot() -> None:
    receiver = Receiver(2)
    receiver.gate.channels[0].push(barrier(1))
    receiver.work()
    receiver.gate.channels[1].push(Batch([1]))
    receiver.gate.channels[0].push(barrier(2))
    receiver.work()
    receiver.gate.channels[1].push(barrier(2))
    receiver.work()
    assert [capture.barrier.checkpoint_id for capture in receiver.captures] == [1, 2]
    assert receiver.captures[1].is_complete
    assert not receiver.captures[0].is_complete


def test_a_sender_lets_a_barrier_overtake_when_its_time_comes() -> None:
    sent: list[bytes] = []
    writer = RemoteWriter((0, 0, 0), sent.append)
    for number in range(3):
        writer.send(Batch([number]))
    waiting = barrier(1, overtakes_at=NOW)
    writer.send(waiting)
    writer.send(Batch([3]))
    capture = ChannelCapture(waiting)
    capture.await_sending(ChannelPlace("e", 0, 0, 1, 1), writer)
    capture.push_barriers(NOW - 1)
    assert not capture.is_complete
    assert sent == []
    capture.push_barriers(NOW)
    assert capture.is_complete
    assert len(sent) == 1
    assert [load_records(entry.body).values for entry in capture.entries] == [[0], [1], [2]]
    writer.grant(4)
    assert len(sent) == 5
