"""JSON rows: what is read, what is refused and where, what is written."""

import datetime
import pickle
from decimal import Decimal

import pytest

from penstock.common.time import Instant
from penstock.common.typeinfo import TypeInformation, Types
from penstock.common.types import Row
from penstock.formats.json_rows import JsonRowDeserializationSchema, JsonRowSerializationSchema
from penstock.formats.rows import BadValue

ALL = Types.ROW_NAMED(
    ["s", "i", "f", "d", "b", "day", "at", "when", "raw", "list", "map", "inner", "instant"],
    [
        Types.STRING(),
        Types.INT(),
        Types.DOUBLE(),
        Types.BIG_DEC(),
        Types.BOOLEAN(),
        Types.SQL_DATE(),
        Types.SQL_TIME(),
        Types.SQL_TIMESTAMP(),
        Types.PRIMITIVE_ARRAY(Types.BYTE()),
        Types.LIST(Types.LONG()),
        Types.MAP(Types.STRING(), Types.INT()),
        Types.ROW_NAMED(["x", "y"], [Types.INT(), Types.STRING()]),
        Types.INSTANT(),
    ],
)
ROW = Row(
    s="é",
    i=-7,
    f=0.5,
    d=Decimal("12345678901234567890.123456789"),
    b=True,
    day=datetime.date(2026, 11, 21),
    at=datetime.time(1, 2, 3),
    when=datetime.datetime.fromisoformat("2026-11-21T01:02:03.5"),
    raw=b"\x00\xff",
    list=[1, 2],
    map={"k": 1},
    inner=Row(x=1, y=None),
    instant=Instant(1_700_000_000, 5_000_000),
)


def reading(type_info: TypeInformation = ALL, **options: bool) -> JsonRowDeserializationSchema:
    builder = JsonRowDeserializationSchema.builder().type_info(type_info)
    for name in options:
        builder = getattr(builder, name)()
    return builder.build()


def test_every_type_survives_the_way_there_and_back() -> None:
    written = JsonRowSerializationSchema.builder().with_type_info(ALL).build().serialize(ROW)
    assert written is not None
    found = reading().deserialize(written)
    assert found == ROW
    assert found.inner.x == 1
    assert b"12345678901234567890.123456789" in written


def test_schemas_travel_by_pickle() -> None:
    schema = pickle.loads(pickle.dumps(JsonRowSerializationSchema(ALL)))
    back = pickle.loads(pickle.dumps(reading()))
    assert back.deserialize_all([schema.serialize(ROW)]) == [ROW]


def test_missing_fields_are_none_unless_told_otherwise() -> None:
    pair = Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.STRING()])
    assert reading(pair).deserialize(b'{"a": 1, "c": 2}') == Row(1, None)
    with pytest.raises(BadValue, match="'b' is missing"):
        reading(pair, fail_on_missing_field=True).deserialize(b'{"a": 1}')


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"{", "not JSON"),
        (b'{"a": "x"}', "field 'a': expected a whole number"),
        (b'{"a": 3000000000}', "field 'a': 3000000000 does not fit into 32 bits"),
        (b"[1]", "expected an object"),
        (b"\xff", "not JSON"),
    ],
)
def test_bad_records_are_named_or_ignored(message: bytes, said: str) -> None:
    pair = Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.STRING()])
    with pytest.raises(BadValue, match=said):
        reading(pair).deserialize_all([b'{"a": 1}', message])
    ignored = reading(pair, ignore_parse_errors=True).deserialize_all([b'{"a": 1, "b": "q"}', message])
    assert ignored[0] == Row(1, "q")
    assert ignored[1] in (None, Row(None, None))


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        reading(fail_on_missing_field=True, ignore_parse_errors=True)
    with pytest.raises(ValueError, match="type_info"):
        JsonRowDeserializationSchema.builder().build()
    with pytest.raises(TypeError, match="ROW_NAMED"):
        JsonRowSerializationSchema.builder().with_type_info(Types.INT()).build()


def test_a_json_schema_declares_the_row() -> None:
    schema = JsonRowDeserializationSchema.builder().json_schema(
        """{"type": "object", "definitions": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            "properties": {"p": {"$ref": "#/definitions/p"}, "tags": {"type": "array", "items": {"type": "string"}},
            "at": {"type": ["string", "null"], "format": "date-time"}}}"""
    )
    row = schema.build().deserialize(b'{"p": {"x": 5}, "tags": ["a"], "at": "2026-01-02T03:04:05Z"}')
    assert row == Row(Row(5), ["a"], datetime.datetime.fromisoformat("2026-01-02T03:04:05"))
    with pytest.raises(ValueError, match="not there"):
        JsonRowDeserializationSchema.builder().json_schema('{"$ref": "#/x"}')


def test_a_dict_or_tuple_is_written_like_a_row() -> None:
    schema = JsonRowSerializationSchema(Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.STRING()]))
    assert schema.serialize({"b": "x", "a": 1}) == schema.serialize((1, "x")) == b'{"a":1,"b":"x"}'
    with pytest.raises(BadValue, match="declares 2"):
        schema.serialize(Row(1))
    with pytest.raises(BadValue, match="field 'a'"):
        schema.serialize(Row("x", "y"))
