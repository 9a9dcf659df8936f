"""Avro: single records as rows, container files, and the frame of a schema registry."""

import datetime
import io
import json
import pickle
from decimal import Decimal
from pathlib import Path

import pytest

from penstock.common.types import Row
from penstock.common.unsupported import UnsupportedOperation
from penstock.connectors.files.source import FileSourceSettings
from penstock.formats.avro_files import AvroBulkWriters, AvroFileFormat
from penstock.formats.avro_registry import (
    ConfluentRegistryAvroDeserializationSchema,
    SubjectNameStrategy,
)
from penstock.formats.avro_rows import AvroRowDeserializationSchema, AvroRowSerializationSchema
from penstock.formats.avro_schema import AvroSchema, AvroTypes, GenericRecordAvroTypeInfo
from penstock.formats.logical import DataTypes
from penstock.formats.rows import BadValue
from tests.connectors.reading import SourceRun

ORDER = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "note", "type": ["null", "string"], "default": None},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {
                "name": "sum",
                "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2},
            },
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "counts", "type": {"type": "map", "values": "int"}},
            {
                "name": "place",
                "type": {
                    "type": "record",
                    "name": "Place",
                    "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": "double"}],
                },
            },
            {"name": "next", "type": ["null", "Place"], "default": None},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        ],
    }
)
ROW = Row(
    id=7,
    note=None,
    at=datetime.datetime.fromisoformat("2026-11-21T01:02:03.004"),
    day=datetime.date(2026, 11, 21),
    sum=Decimal("12.34"),
    tags=["a", "b"],
    counts={"k": 1},
    place=Row(x=1.0, y=2.0),
    next=Row(x=3.0, y=4.0),
    kind="B",
)
PAIR = '{"type": "record", "name": "Pair", "fields": [{"name": "k", "type": "string"}, {"name": "n", "type": "int"}]}'


def test_rows_go_there_and_back_by_the_schema() -> None:
    write = pickle.loads(pickle.dumps(AvroRowSerializationSchema(avro_schema_string=ORDER)))
    read = pickle.loads(pickle.dumps(AvroRowDeserializationSchema(avro_schema_string=ORDER)))
    found = read.deserialize(write.serialize(ROW))
    assert found == ROW
    assert found.place.y == 2.0
    assert write.serialize(None) is None
    assert read.get_produced_type().get_field_names()[:2] == ["id", "note"]


def test_what_does_not_fit_is_named() -> None:
    schema = AvroRowSerializationSchema(avro_schema_string=PAIR)
    with pytest.raises(BadValue, match=r"Pair\.n"):
        schema.serialize(Row("a", "no number"))
    read = AvroRowDeserializationSchema(avro_schema_string=PAIR)
    whole = schema.serialize(Row("abc", 5))
    assert whole is not None
    with pytest.raises(BadValue, match="not an Avro record of Pair"):
        read.deserialize(whole[:2])
    with pytest.raises(BadValue, match="left over"):
        read.deserialize(whole + b"x")


def test_java_classes_and_bad_schemas_are_refused_with_the_way_out() -> None:
    with pytest.raises(UnsupportedOperation, match="avro_schema_string"):
        AvroRowDeserializationSchema(record_class="shop.Order")
    with pytest.raises(TypeError, match="needs a schema"):
        AvroRowSerializationSchema()
    for text, said in (
        ("{", "not JSON"),
        ('{"type": "recrd"}', "unknown type"),
        ('{"type": "record"}', "wrong"),
    ):
        with pytest.raises(ValueError, match=said):
            AvroSchema.parse_string(text)


def test_the_schema_declares_a_logical_type() -> None:
    row_type = AvroTypes(AvroSchema.parse_string(ORDER)).row_type()
    types = dict(zip(row_type.field_names(), row_type.field_types(), strict=True))
    assert types["id"] == DataTypes.BIGINT(False)
    assert types["note"] == DataTypes.STRING()
    assert types["sum"] == DataTypes.DECIMAL(10, 2, False)
    assert types["next"].is_nullable
    info = GenericRecordAvroTypeInfo(AvroSchema.parse_string(ORDER))
    assert info == GenericRecordAvroTypeInfo(AvroSchema(ORDER))
    assert repr(info) == "GenericRecordAvroTypeInfo(shop.Order)"


def avro_file(path: Path, count: int, codec: str = "null") -> list[dict[str, object]]:
    schema = AvroSchema.parse_string(PAIR)
    records: list[dict[str, object]] = [{"k": f"key-{number}", "n": number} for number in range(count)]
    stream = io.BytesIO()
    writer = AvroBulkWriters.for_generic_record(schema, codec).create(stream)
    writer.add(records)
    writer.finish()
    path.write_bytes(stream.getvalue())
    return records


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_files_are_read_and_restored_at_any_record(tmp_path: Path, codec: str) -> None:
    records = avro_file(tmp_path / "a.avro", 5_000, codec)
    definition = FileSourceSettings([str(tmp_path)], AvroFileFormat()).definition()
    for stop in (1, 2_345, 4_999):
        first = SourceRun(definition, max_records=1 if stop == 1 else 67)
        first.run(lambda stop=stop, run=first: len(run.values[0]) >= stop)  # type: ignore[misc]
        state, splits = first.snapshot()
        first.close()
        second = SourceRun(definition, enumerator_state=state, splits=splits, max_records=999)
        assert first.values[0] + second.run_to_end()[0] == records
        second.close()


def test_files_are_read_as_an_evolved_schema(tmp_path: Path) -> None:
    avro_file(tmp_path / "a.avro", 2)
    evolved = json.loads(PAIR)
    evolved["fields"] = [evolved["fields"][1], {"name": "new", "type": "string", "default": "d"}]
    form = AvroFileFormat(AvroSchema.parse_string(json.dumps(evolved)))
    run = SourceRun(FileSourceSettings([str(tmp_path)], form).definition())
    assert run.run_to_end() == [[{"n": 0, "new": "d"}, {"n": 1, "new": "d"}]]
    run.close()


def test_a_file_that_is_cut_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    avro_file(path, 5_000)
    path.write_bytes(path.read_bytes()[:-40])
    run = SourceRun(FileSourceSettings([str(path)], AvroFileFormat()).definition(), max_records=9999)
    with pytest.raises(BadValue, match=r"a\.avro: not a whole Avro file"):
        run.run_to_end()
    run.close()


def test_bytes_without_the_registrys_frame_are_refused_or_ignored() -> None:
    schema = AvroSchema.parse_string(PAIR)
    url = "http://127.0.0.1:1"
    read = ConfluentRegistryAvroDeserializationSchema.for_generic(schema, url)
    with pytest.raises(BadValue, match="not framed"):
        read.deserialize(b"{}")
    assert (
        ConfluentRegistryAvroDeserializationSchema.for_row(schema, url, True).deserialize(b"\x01abcdefg")
        is None
    )
    with pytest.raises(ValueError, match="http://host:8081"):
        ConfluentRegistryAvroDeserializationSchema.for_generic(schema, "localhost:8081")


def test_subjects_are_named_by_strategy() -> None:
    schema = AvroSchema.parse_string(ORDER)
    assert SubjectNameStrategy.TOPIC_NAME.subject("t", schema) == "t-value"
    assert SubjectNameStrategy.TOPIC_NAME.subject("t", schema, is_key=True) == "t-key"
    assert SubjectNameStrategy.RECORD_NAME.subject("t", schema) == "shop.Order"
    assert SubjectNameStrategy.TOPIC_RECORD_NAME.subject("t", schema) == "t-shop.Order"
