"""Collection, sequence and file sources: order, positions, restoring, new files."""

from pathlib import Path

import cloudpickle
import pytest

from penstock.connectors.collection.source import collection_source
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.files.source import file_source
from penstock.connectors.registry import ConnectorMissing, enumerator_factory
from penstock.connectors.sequence.source import sequence_source
from penstock.filesystems.errors import FileMissing
from penstock.formats.lines import JsonLines
from tests.connectors.reading import SourceRun


def travelled(definition: SourceDefinition) -> SourceDefinition:
    """As the slot gets it."""
    found = cloudpickle.loads(cloudpickle.dumps(definition))
    assert isinstance(found, SourceDefinition)
    return found


def test_a_collection_is_read_in_order_by_one_subtask() -> None:
    run = SourceRun(travelled(collection_source(list("abcdefg"))), parallelism=3, max_records=2)
    values = run.run_to_end()
    run.close()
    assert sorted(values) == [[], [], list("abcdefg")]


def test_an_empty_collection_ends() -> None:
    run = SourceRun(collection_source([]))
    assert run.run_to_end() == [[]]
    run.close()


@pytest.mark.parametrize("parallelism", [1, 3, 20])
def test_a_sequence_is_read_once_by_all(parallelism: int) -> None:
    run = SourceRun(travelled(sequence_source(5, 15)), parallelism=parallelism)
    values = run.run_to_end()
    run.close()
    assert sorted(number for part in values for number in part) == list(range(5, 16))


def test_a_restored_sequence_goes_on_at_another_parallelism() -> None:
    first = SourceRun(sequence_source(0, 999), parallelism=2, max_records=7)
    first.run(lambda: sum(map(len, first.values)) >= 300)
    state, splits = first.snapshot()
    first.close()
    second = SourceRun(sequence_source(0, 999), 3, enumerator_state=state, splits=splits)
    read = [number for part in first.values + second.run_to_end() for number in part]
    second.close()
    assert sorted(read) == list(range(1000))


def test_files_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("1\r\n\nd\u00e9j\u00e0\nlast without end".encode())
    (tmp_path / "_hidden").write_bytes(b"no\n")
    (tmp_path / ".hidden").write_bytes(b"no\n")
    (tmp_path / "empty").write_bytes(b"")
    run = SourceRun(travelled(file_source([str(tmp_path)])))
    assert run.run_to_end() == [["1", "", "d\u00e9j\u00e0", "last without end"]]
    run.close()


def test_a_restored_file_goes_on_after_its_last_record(tmp_path: Path) -> None:
    lines = [f"{number} {'x' * (number % 50)}" for number in range(20_000)]
    for part in range(4):
        (tmp_path / f"part-{part}").write_text("\n".join(lines[part::4]) + "\n")
    uri = tmp_path.as_uri()
    first = SourceRun(file_source([uri]), 2, max_records=333)
    first.run(lambda: sum(map(len, first.values)) >= 7_000)
    state, splits = first.snapshot()
    first.close()
    assert splits
    second = SourceRun(file_source([uri]), 3, enumerator_state=state, splits=splits)
    read = [line for part in first.values + second.run_to_end() for line in part]
    second.close()
    assert sorted(read) == sorted(lines)


def test_files_that_appear_are_found_and_a_restore_reads_none_twice(tmp_path: Path) -> None:
    def publish(name: str, text: str) -> None:
        (tmp_path / f".{name}").write_text(text)
        (tmp_path / f".{name}").rename(tmp_path / name)

    publish("1", "a\n")
    definition = file_source([tmp_path.as_uri()], monitor_interval_seconds=0.1)
    run = SourceRun(definition)
    run.run(lambda: run.values == [["a"]])
    publish("2", "b\n")
    run.run(lambda: run.values == [["a", "b"]])
    assert not run.readers[0].is_finished()
    state, splits = run.snapshot()
    run.close()
    publish("3", "c\n")
    restored = SourceRun(definition, enumerator_state=state, splits=splits)
    restored.run(lambda: restored.values == [["c"]])
    restored.close()


def test_a_bad_json_line_is_shown_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "clicks"
    file.write_text('{"page": "a"}\n{"page": \n')
    run = SourceRun(file_source([str(file)], JsonLines()))
    with pytest.raises(
        ValueError, match=r"clicks, the record after position 14: not a JSON line: b'\{\"page\": '"
    ):
        run.run_to_end()
    run.close()


def test_nothing_at_the_path_is_an_error_only_for_a_bounded_source(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    with pytest.raises(FileMissing, match="nothing at"):
        SourceRun(file_source([absent]))
    SourceRun(file_source([absent], monitor_interval_seconds=1)).close()
    SourceRun(file_source([str(tmp_path)])).close()


def test_an_unknown_connector_is_named() -> None:
    with pytest.raises(ConnectorMissing, match="'gopher'"):
        enumerator_factory("gopher")
