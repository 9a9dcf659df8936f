"""Alignment groups in the JobManager: who reports hears of the slowest of its group."""

from penstock.control.messages import Command, EventTimeReported, GroupTime, SubtaskId
from penstock.jobmanager.alignments import Alignments


class Told:
    def __init__(self) -> None:
        self.answers: list[tuple[str, int | None]] = []

    def __call__(self, slot_id: str, command: Command) -> None:
        assert isinstance(command, GroupTime)
        self.answers.append((slot_id, command.lowest))


def report(vertex: str, watermark: int | None, group: str = "g", attempt: int = 1) -> EventTimeReported:
    subtask = SubtaskId(job_id="job", attempt=attempt, vertex_id=vertex, index=0)
    return EventTimeReported(subtask=subtask, group=group, watermark=watermark)


def test_the_lowest_of_the_group_is_told_to_whoever_reports() -> None:
    told = Told()
    groups = Alignments(told)
    groups.reported("slot-1", report("one", 100))
    groups.reported("slot-2", report("two", 50))
    groups.reported("slot-1", report("one", 120))
    groups.reported("slot-3", report("three", 1, group="other"))
    assert told.answers == [("slot-1", 100), ("slot-2", 50), ("slot-1", 50), ("slot-3", 1)]


def test_who_is_idle_holds_nobody_back() -> None:
    told = Told()
    groups = Alignments(told)
    groups.reported("slot-1", report("one", 100))
    groups.reported("slot-2", report("two", None))
    groups.reported("slot-1", report("one", None))
    assert told.answers == [("slot-1", 100), ("slot-2", 100), ("slot-1", None)]


def test_a_new_attempt_starts_from_nothing_and_an_old_one_is_ignored() -> None:
    told = Told()
    groups = Alignments(told)
    groups.reported("slot-1", report("one", 1))
    groups.reported("slot-2", report("two", 70, attempt=2))
    groups.reported("slot-1", report("one", 2))
    groups.forget("job")
    groups.reported("slot-1", report("one", 3))
    assert told.answers == [("slot-1", 1), ("slot-2", 70), ("slot-1", 3)]
