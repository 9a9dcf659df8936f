"""Alignment of barriers over channels: what is held, when a checkpoint is complete, what aborts and ends do."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.checkpoint.aligner import Aligner
from penstock.control.barrier import Barrier


def barrier(number: int) -> Barrier:
    return Barrier(number, 0, "/chk")


def test_channels_are_held_until_all_have_delivered() -> None:
    aligner = Aligner(3)
    assert aligner.on_barrier(1, barrier(1), 5.0) is None
    assert aligner.held == {1}
    assert aligner.on_barrier(0, barrier(1), 6.0) is None
    assert aligner.on_barrier(2, barrier(1), 7.0) == barrier(1)
    assert aligner.held == set()
    assert aligner.since == 5.0


def test_ended_channel_counts_as_aligned() -> None:
    aligner = Aligner(2)
    assert aligner.on_barrier(0, barrier(1), 0) is None
    assert aligner.on_end(1) == barrier(1)
    assert aligner.on_barrier(0, barrier(2), 0) == barrier(2)


def test_newer_barrier_gives_up_the_older_alignment() -> None:
    aligner = Aligner(2)
    aligner.on_barrier(0, barrier(1), 0)
    assert aligner.on_barrier(1, barrier(2), 0) is None
    assert aligner.held == {1}
    assert aligner.on_barrier(1, barrier(1), 0) is None
    assert aligner.on_barrier(0, barrier(2), 0) == barrier(2)


def test_abort_releases_and_late_barriers_are_ignored() -> None:
    aligner = Aligner(2)
    aligner.on_barrier(0, barrier(1), 0)
    aligner.abort(1)
    assert aligner.held == set()
    assert aligner.on_barrier(1, barrier(1), 0) is None
    assert aligner.held == set()
    assert aligner.on_barrier(0, barrier(2), 0) is None
    assert aligner.on_barrier(1, barrier(2), 0) == barrier(2)


@given(st.permutations([0, 1, 2, 3]), st.sets(st.integers(0, 3), max_size=3))
def test_exactly_one_completion_in_any_order(order: list[int], ended: set[int]) -> None:
    aligner = Aligner(4)
    done = [
        aligner.on_end(channel) if channel in ended else aligner.on_barrier(channel, barrier(1), 0)
        for channel in order
    ]
    assert [found for found in done if found] == [barrier(1)]
    # No earlier than the last live channel, for an end before any barrier completes nothing.
    assert aligner.held == set()
