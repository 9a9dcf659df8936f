"""Parquet and ORC files: what is written is read back, from any row on, and what does not fit is named."""

import datetime
import io
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.orc
import pyarrow.parquet
import pytest

from penstock.common.configuration import Configuration
from penstock.common.serialization import BulkWriterFactory
from penstock.common.time import Instant
from penstock.common.types import Row
from penstock.connectors.files.compaction import Compaction, Compactor, CompactStrategy
from penstock.connectors.files.sink import FileSink
from penstock.connectors.files.source import FileSourceSettings
from penstock.filesystems.errors import FileSystemError
from penstock.formats import parquet
from penstock.formats.avro_schema import AvroSchema
from penstock.formats.logical import DataTypes
from penstock.formats.orc import OrcBulkWriters
from penstock.formats.parquet import (
    AvroParquetReaders,
    AvroParquetWriters,
    ParquetBulkWriters,
    ParquetColumnarRowInputFormat,
)
from penstock.formats.rows import BadValue
from penstock.operators.contract import Batch
from tests.connectors.file_sink_promises import FileSinkPromises
from tests.connectors.reading import SourceRun

ALL = DataTypes.ROW(
    [
        DataTypes.FIELD("id", DataTypes.BIGINT(False)),
        DataTypes.FIELD("name", DataTypes.STRING()),
        DataTypes.FIELD("price", DataTypes.DECIMAL(10, 2)),
        DataTypes.FIELD("day", DataTypes.DATE()),
        DataTypes.FIELD("at", DataTypes.TIMESTAMP(3)),
        DataTypes.FIELD("seen", DataTypes.TIMESTAMP_LTZ(6)),
        DataTypes.FIELD("raw", DataTypes.BYTES()),
        DataTypes.FIELD("tags", DataTypes.ARRAY(DataTypes.STRING())),
        DataTypes.FIELD("counts", DataTypes.MAP(DataTypes.STRING(), DataTypes.INT())),
        DataTypes.FIELD("inner", DataTypes.ROW([DataTypes.FIELD("x", DataTypes.DOUBLE())])),
    ]
)
SMALL = DataTypes.ROW(
    [DataTypes.FIELD("id", DataTypes.BIGINT(False)), DataTypes.FIELD("name", DataTypes.STRING())]
)


def row(number: int) -> Row:
    return Row(
        id=number,
        name=None if number % 3 else f"n{number}",
        price=Decimal(number).scaleb(-2),
        day=datetime.date(2026, 1, 1 + number % 28),
        at=datetime.datetime.fromisoformat("2026-11-21T01:02:03.004"),
        seen=Instant(1_700_000_000, 1000),
        raw=bytes([number % 256]),
        tags=["a"] * (number % 3),
        counts={"k": number},
        inner=Row(x=number / 2),
    )


def write(path: Path, factory: BulkWriterFactory, batches: list[list[Any]]) -> None:
    stream = io.BytesIO()
    writer = factory.create(stream)
    for batch in batches:
        writer.add(batch)
    writer.finish()
    path.write_bytes(stream.getvalue())


def read(folder: Path, form: Any) -> list[Any]:
    run = SourceRun(FileSourceSettings([str(folder)], form).definition(), max_records=5_000)
    try:
        return run.run_to_end()[0]
    finally:
        run.close()


def test_every_type_survives_parquet(tmp_path: Path) -> None:
    rows = [row(number) for number in range(100)]
    write(tmp_path / "a.parquet", ParquetBulkWriters.for_row_type(ALL), [rows[:30], rows[30:]])
    assert read(tmp_path, ParquetColumnarRowInputFormat(ALL)) == rows
    assert pyarrow.parquet.read_schema(tmp_path / "a.parquet").names[:2] == ["id", "name"]


def test_a_parquet_file_is_restored_at_any_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 700)
    rows = [Row(number, str(number)) for number in range(5_000)]
    batches = [rows[start : start + 250] for start in range(0, 5_000, 250)]
    write(tmp_path / "a", ParquetBulkWriters.for_row_type(SMALL), batches)
    definition = FileSourceSettings(
        [str(tmp_path)], ParquetColumnarRowInputFormat(SMALL, batch_size=333)
    ).definition()
    for stop in (1, 700, 1_234, 4_999):
        first = SourceRun(definition, max_records=1 if stop < 1_000 else 97)
        first.run(lambda stop=stop, run=first: len(run.values[0]) >= stop)  # type: ignore[misc]
        state, splits = first.snapshot()
        first.close()
        second = SourceRun(definition, enumerator_state=state, splits=splits, max_records=10_000)
        assert first.values[0] + second.run_to_end()[0] == rows
        second.close()


def test_columns_are_found_by_name_and_widened(tmp_path: Path) -> None:
    table = pyarrow.table({"extra": [1.0], "Name": ["n"], "id": pyarrow.array([5], pyarrow.int32())})
    pyarrow.parquet.write_table(table, tmp_path / "a")
    with pytest.raises(BadValue, match="there is no column 'name'; the file has extra, Name, id"):
        read(tmp_path, ParquetColumnarRowInputFormat(SMALL))
    assert read(tmp_path, ParquetColumnarRowInputFormat(SMALL, is_case_sensitive=False)) == [Row(5, "n")]
    wrong = DataTypes.ROW([DataTypes.FIELD("Name", DataTypes.INT())])
    with pytest.raises(BadValue, match="column 'Name' is string in the file"):
        read(tmp_path, ParquetColumnarRowInputFormat(wrong))


def test_what_is_no_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PAR1 not really")
    with pytest.raises(BadValue, match="not a whole Parquet file"):
        read(tmp_path, ParquetColumnarRowInputFormat(SMALL))
    (tmp_path / "a").rename(tmp_path / "a.gz")
    with pytest.raises(FileSystemError, match="must not be compressed as a whole"):
        read(tmp_path, ParquetColumnarRowInputFormat(SMALL))


def test_dicts_of_an_avro_schema_in_parquet(tmp_path: Path) -> None:
    schema = AvroSchema.parse_string(
        '{"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, '
        '{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}}]}'
    )
    records = [{"id": number, "p": {"x": number}} for number in range(10)]
    write(tmp_path / "a", AvroParquetWriters.for_generic_record(schema), [records])
    assert read(tmp_path, AvroParquetReaders.for_generic_record(schema)) == records


@pytest.mark.parametrize(
    ("element", "said"),
    [
        (Row("x", "n"), "column 'id' takes int64"),
        (Row(None, "n"), "column 'id' is NOT NULL"),
        (Row(1), "1 fields where the type declares 2"),
    ],
)
def test_records_that_do_not_fit_are_named(element: Row, said: str) -> None:
    writer = ParquetBulkWriters.for_row_type(SMALL).create(io.BytesIO())
    with pytest.raises(BadValue, match=said):
        writer.add([element])


def test_the_codec_comes_from_the_configuration(tmp_path: Path) -> None:
    configuration = Configuration()
    configuration.set_string("parquet.compression", "ZSTD")
    write(tmp_path / "a", ParquetBulkWriters.for_row_type(SMALL, configuration), [[Row(1, "a")]])
    metadata = pyarrow.parquet.read_metadata(tmp_path / "a")
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    configuration.set_string("parquet.compression", "LZO")
    with pytest.raises(ValueError, match="'LZO' is none of"):
        ParquetBulkWriters.for_row_type(SMALL, configuration)


def test_orc_files_are_whole(tmp_path: Path) -> None:
    row_type = DataTypes.ROW([field for field in ALL.fields if field.name not in ("raw", "seen")])
    names = row_type.field_names()
    rows = [Row(*(row(number)[name] for name in names)) for number in range(10)]
    write(tmp_path / "a.orc", OrcBulkWriters.for_row_type(row_type), [rows[:4], rows[4:]])
    write(tmp_path / "empty.orc", OrcBulkWriters.for_row_type(row_type), [])
    table = pyarrow.orc.read_table(tmp_path / "a.orc")
    assert table.num_rows == 10
    assert table.column("id").to_pylist() == list(range(10))
    assert table.column("inner").to_pylist()[3] == {"x": 1.5}
    assert pyarrow.orc.read_table(tmp_path / "empty.orc").num_rows == 0


def test_parts_of_a_sink_are_files_of_their_own_and_compact_record_by_record(tmp_path: Path) -> None:
    promises = FileSinkPromises()
    factory = ParquetBulkWriters.for_row_type(SMALL)
    form = ParquetColumnarRowInputFormat(SMALL)
    compaction = Compaction(
        CompactStrategy(checkpoints=2), Compactor("records", format=form), factory=factory
    )
    sink = FileSink(str(tmp_path), None, bulk=factory, compaction=compaction, part_suffix=".parquet")
    writer, committer = promises.start(sink, {})
    for checkpoint in (1, 2):
        writer.write(Batch([Row(checkpoint, "a"), Row(checkpoint + 10, "b")]))
        committer.commit(writer.prepare_commit(checkpoint))
    writer.close()
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("compacted-part-")
    assert read(tmp_path, form) == [Row(1, "a"), Row(11, "b"), Row(2, "a"), Row(12, "b")]


def test_naming_the_formats_imports_no_library_of_theirs() -> None:
    program = (
        "import sys, penstock.formats.parquet, penstock.formats.orc, penstock.formats.avro_files, "
        "penstock.formats.avro_registry, penstock.connectors.files.sink_api\n"
        "sys.exit(any(name in sys.modules for name in ('pyarrow', 'fastavro', 'polars')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
