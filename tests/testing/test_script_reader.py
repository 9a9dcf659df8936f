"""The reader of a script: what it gives up to which mark, where it goes on, and that a failure happens once."""

from pathlib import Path
from typing import Any

import pytest

from penstock.operators.contract import MIN_TIMESTAMP
from penstock.testing import Abort, At, End, Pause, Watermark
from penstock.testing.script import ScriptedFailure, ScriptReader

START = {"id": "collection", "position": 0, "end": 99}


def reader(script: list[Any], marker: Path, split: dict[str, Any] | None = None) -> ScriptReader:
    made = ScriptReader(tuple(script), marker)
    assert made.wants_splits()
    made.add_splits([split or START])
    made.no_more_splits()
    return made


def values(made: ScriptReader) -> list[Any] | None:
    found = made.poll(10)
    return None if found is None else found.batch.values


def test_batches_end_at_marks_and_carry_times_if_any_record_has_one(tmp_path: Path) -> None:
    made = reader([1, At(2, 20), Watermark(5), 3], tmp_path / "m")
    first = made.poll(10)
    assert first is not None
    assert first.batch.values == [1, 2, Watermark(5)]
    assert first.batch.timestamps == [MIN_TIMESTAMP, 20, MIN_TIMESTAMP]
    assert values(made) == [3]
    assert made.is_finished()
    assert made.split_ids() == {"collection"}


def test_a_pause_waits_for_checkpoints_or_a_file(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    made = reader([1, Pause(checkpoints=2), 2, Pause(until_file=str(flag)), 3], tmp_path / "m")
    assert values(made) == [1]
    assert values(made) is None
    made.notify_complete(1)
    assert values(made) is None
    made.notify_complete(2)
    assert values(made) == [2]
    assert values(made) is None
    flag.touch()
    assert values(made) == [3]


def test_an_abort_happens_once(tmp_path: Path) -> None:
    script = [1, Abort("now"), 2]
    made = reader(script, tmp_path / "m")
    assert values(made) == [1]
    stored = made.snapshot()[0]
    with pytest.raises(ScriptedFailure, match="now"):
        made.poll(10)
    again = reader(script, tmp_path / "m", stored)
    assert values(again) == [2]


def test_a_job_goes_on_behind_the_end(tmp_path: Path) -> None:
    made = reader([1, End(), 2], tmp_path / "m")
    assert values(made) == [1]
    assert not made.is_finished()
    assert values(made) is None
    assert made.is_finished()
    again = reader([1, End(), 2], tmp_path / "m", made.snapshot()[0])
    assert values(again) == [2]
    made.close()
