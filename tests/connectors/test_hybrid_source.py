"""Sources one after the other: order, switching, restoring in any of them."""

from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from penstock.connectors.datagen.source import DataGeneratorSource
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.files.api import FileSource
from penstock.connectors.hybrid.source import HybridSource
from penstock.formats.files import StreamFormat
from tests.connectors.reading import SourceRun


@pytest.fixture
def definition(tmp_path: Path) -> SourceDefinition:
    """Files of 0 to 2,999, then generated numbers from 3,000 on."""
    for part in range(3):
        lines = [str(number) for number in range(part * 1000, part * 1000 + 1000)]
        (tmp_path / f"{part}").write_text("\n".join(lines) + "\n")
    history = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(tmp_path)).build()
    later = DataGeneratorSource(lambda number: str(3000 + number), 2000)
    made: SourceDefinition = cloudpickle.loads(
        cloudpickle.dumps(HybridSource.builder(history).add_source(later).build())
    ).definition()
    return made


def numbers(*runs: SourceRun) -> list[int]:
    return sorted(int(value) for run in runs for part in run.values for value in part)


@pytest.mark.parametrize("parallelism", [1, 2, 5])
def test_the_second_source_begins_when_the_first_is_read(
    definition: SourceDefinition, parallelism: int
) -> None:
    run = SourceRun(definition, parallelism)
    run.run(lambda: bool(numbers(run)) and max(numbers(run)) >= 3000)
    assert [number for number in numbers(run) if number < 3000] == list(range(3000))
    run.run_to_end()
    assert numbers(run) == list(range(5000))
    run.close()


@pytest.mark.parametrize("stop", [10, 2_500, 2_990, 3_500, 4_900])
def test_a_restored_source_goes_on_in_whichever_it_was(definition: SourceDefinition, stop: int) -> None:
    first = SourceRun(definition, 2, max_records=37)
    first.run(lambda: sum(map(len, first.values)) >= stop)
    state, splits = first.snapshot()
    first.close()
    second = SourceRun(definition, 3, enumerator_state=state, splits=splits, max_records=500)
    second.run_to_end()
    assert numbers(first, second) == list(range(5000))
    second.close()


def test_only_bounded_sources_may_be_followed() -> None:
    endless = DataGeneratorSource(str, None)
    with pytest.raises(ValueError, match="never ends"):
        HybridSource.builder(endless).add_source(endless)
    wrong: Any = "source"
    with pytest.raises(TypeError, match="is no source"):
        HybridSource.builder(wrong)
