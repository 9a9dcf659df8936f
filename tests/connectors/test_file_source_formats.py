"""The file source with compressed files, ranges of large files, and CSV."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from penstock.common.types import Row
from penstock.connectors.files.api import FileEnumeratorProvider, FileSource
from penstock.connectors.files.input import FileRange
from penstock.connectors.files.sink import FileSink
from penstock.connectors.files.source import FileSourceSettings
from penstock.filesystems.errors import FileSystemError
from penstock.filesystems.local import LocalFileSystem
from penstock.formats.csv_files import CsvBulkWriters, CsvReaderFormat
from penstock.formats.csv_schema import CsvSchema, CsvSchemaBuilder
from penstock.formats.files import LineFormat, StreamFormat
from penstock.formats.lines import TextLines
from penstock.formats.logical import DataTypes
from penstock.operators.contract import Batch
from tests.connectors.file_sink_promises import FileSinkPromises
from tests.connectors.reading import SourceRun

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "deflate": zlib.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
LINES = [f"line {number}" for number in range(30_000)]


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_are_read_and_restored(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.txt.{suffix}").write_bytes(PACK[suffix]("\n".join(LINES).encode()))
    definition = FileSourceSettings([str(tmp_path)]).definition()
    first = SourceRun(definition, max_records=700)
    first.run(lambda: len(first.values[0]) >= 5_000)
    state, splits = first.snapshot()
    first.close()
    second = SourceRun(definition, enumerator_state=state, splits=splits, max_records=5000)
    assert first.values[0] + second.run_to_end()[0] == LINES
    second.close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress("\n".join(LINES).encode())[:-5000])
    run = SourceRun(FileSourceSettings([str(tmp_path)]).definition(), max_records=10_000)
    with pytest.raises(FileSystemError, match=r"a\.gz: the compressed data are damaged"):
        run.run_to_end()
    run.close()


@pytest.mark.parametrize("size", [1, 9, 10, 11, 1000, 65_536, 10_000_000])
def test_ranges_of_a_file_hold_every_line_once(tmp_path: Path, size: int) -> None:
    lines = LINES[:40] if size < 100 else LINES
    path = tmp_path / "a"
    path.write_text("\n".join(lines))
    total = path.stat().st_size
    found = []
    for start in range(0, total, size):
        source = FileRange(LocalFileSystem(), str(path), total, start, min(start + size, total))
        for records in LineFormat().read(source, start):
            found.extend(records.items)
            assert len(records.items) == len(records.ends)
    assert [line.decode() for line in found] == lines


def test_a_large_file_is_read_by_several_subtasks_and_restored(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("\n".join(LINES))
    settings = FileSourceSettings([str(tmp_path)], split_bytes=50_000)
    first = SourceRun(settings.definition(), 3, max_records=300)
    first.run(lambda: all(len(part) >= 1_000 for part in first.values))
    state, splits = first.snapshot()
    first.close()
    second = SourceRun(settings.definition(), 2, enumerator_state=state, splits=splits, max_records=5000)
    read = [line for part in first.values + second.run_to_end() for line in part]
    second.close()
    assert sorted(read) == sorted(LINES)


def test_only_formats_that_allow_it_are_split() -> None:
    builder = FileSource.for_record_stream_format(StreamFormat.text_line_format(), "/x")
    provider = FileEnumeratorProvider.default_splittable_file_enumerator()
    assert builder.set_file_enumerator(provider).build().definition().options["split_bytes"] == 64 << 20
    csv = FileSource.for_record_stream_format(CsvReaderFormat.for_schema(people()), "/x")
    assert csv.set_file_enumerator(provider).build().definition().options["split_bytes"] is None
    with pytest.raises(TypeError, match="is not a file format"):
        FileSource.for_record_stream_format("text", "/x")  # type: ignore[arg-type]


def people() -> CsvSchema:
    return (
        CsvSchema.builder()
        .add_string_column("name")
        .add_number_column("age", DataTypes.INT())
        .add_array_column("tags", "#", DataTypes.STRING())
        .set_use_header()
        .set_null_value("-")
        .set_allow_comments()
        .build()
    )


def read_csv(folder: Path, form: CsvReaderFormat, max_records: int = 1000) -> list[Row]:
    run = SourceRun(FileSourceSettings([str(folder)], form).definition(), max_records=max_records)
    try:
        return run.run_to_end()[0]
    finally:
        run.close()


def test_csv_with_header_quotes_comments_and_line_ends_inside(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        'age,name,tags\r\n33,"Ann ""A"", Smith",a#b\r\n# it\'s "open\r\n-,"two\nlines",\n7,-,x\n'
    )
    expected = [Row('Ann "A", Smith', 33, ["a", "b"]), Row("two\nlines", None, []), Row(None, 7, ["x"])]
    form = CsvReaderFormat.for_schema(people())
    assert read_csv(tmp_path, form) == expected
    assert read_csv(tmp_path, form, max_records=1) == expected
    assert read_csv(tmp_path, form)[0].name == 'Ann "A", Smith'


def test_a_csv_array_goes_by_its_own_separator_or_the_common_one(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("a#b|c\n")

    def read(builder: CsvSchemaBuilder) -> list[str]:
        found: list[str] = read_csv(tmp_path, CsvReaderFormat.for_schema(builder.build()))[0].tags
        return found

    def tags() -> CsvSchemaBuilder:
        return CsvSchema.builder().add_array_column("tags", "#", DataTypes.STRING())

    common = tags().set_array_element_separator("|")
    assert read(common) == ["a", "b|c"]
    assert read(common.remove_array_element_separator(0)) == ["a#b", "c"]
    with pytest.raises(ValueError, match="'name' is no array"):
        CsvSchema.builder().add_string_column("name").remove_array_element_separator(0)


def test_a_csv_file_is_restored_at_any_record(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "name,age,tags\n" + "".join(f'"n\n{n}",{n},{n}#{n}\n' for n in range(500))
    )
    settings = FileSourceSettings([str(tmp_path)], CsvReaderFormat.for_schema(people()))
    for stop in (1, 250, 499):
        first = SourceRun(settings.definition(), max_records=1)
        first.run(lambda stop=stop: len(first.values[0]) >= stop)  # type: ignore[misc]  # noqa: B023
        state, splits = first.snapshot()
        first.close()
        second = SourceRun(settings.definition(), enumerator_state=state, splits=splits)
        ages = [row.age for row in first.values[0] + second.run_to_end()[0]]
        second.close()
        assert ages == list(range(500))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,y,z", "the record after position 0: column 'age': expected a whole number"),
        ("x,1", "2 cells"),
        ('"x,1,a', "not CSV"),
    ],
)
def test_a_bad_csv_record_is_shown_with_its_place_or_left_out(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.csv").write_text(f"name,age,tags\n{line}\n")
    with pytest.raises(ValueError, match=said):
        read_csv(tmp_path, CsvReaderFormat.for_schema(people()))
    assert read_csv(tmp_path, CsvReaderFormat.for_schema(people(), ignore_parse_errors=True)) == []


def test_headers_must_name_the_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,years,tags\nx,1,\n")
    with pytest.raises(ValueError, match="the header names name, years, tags"):
        read_csv(tmp_path, CsvReaderFormat.for_schema(people()))


def test_csv_is_written_and_read_back(tmp_path: Path) -> None:
    rows = [Row('a "b", c', 1, ["x", "y"]), Row("two\nlines", None, []), Row("é", -5, ["z"])]
    promises = FileSinkPromises()
    sink = FileSink(str(tmp_path), None, bulk=CsvBulkWriters.for_schema(people()), part_suffix=".csv")
    writer, committer = promises.start(sink, {})
    writer.write(Batch(rows))
    committer.commit(writer.prepare_commit(1))
    writer.write(Batch([Row("later", 2, None)]))
    committer.commit(writer.prepare_commit(2))
    writer.close()
    found = read_csv(tmp_path, CsvReaderFormat.for_schema(people()))
    assert sorted(found, key=repr) == sorted([*rows, Row("later", 2, None)], key=repr)


def test_text_in_another_charset_and_text_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("déjà\n".encode("latin-1"))
    latin = FileSourceSettings([str(tmp_path)], LineFormat(TextLines("latin-1")))
    run = SourceRun(latin.definition())
    assert run.run_to_end() == [["déjà"]]
    run.close()
    bad = SourceRun(FileSourceSettings([str(tmp_path)]).definition())
    with pytest.raises(ValueError, match="the record after position 0: not text in utf-8"):
        bad.run_to_end()
    bad.close()
