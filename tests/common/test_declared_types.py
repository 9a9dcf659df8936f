"""Type declarations: equality, how they print, and the internal form of their values."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.common import Instant, Row, RowKind, TypeInformation, Types, UnsupportedOperation
from penstock.common.typeinfo import (
    BasicTypeInfo,
    ExternalTypeInfo,
    LocalTimeTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
)

PRINTED: list[tuple[TypeInformation, str]] = [
    (Types.STRING(), "String"),
    (Types.LONG(), "Long"),
    (Types.BIG_DEC(), "BigDecimal"),
    (Types.INSTANT(), "Instant"),
    (Types.SQL_DATE(), "DateTypeInfo"),
    (Types.SQL_TIME(), "TimeTypeInfo"),
    (Types.SQL_TIMESTAMP(), "TimestampTypeInfo"),
    (Types.PICKLED_BYTE_ARRAY(), "PickledByteArrayTypeInfo"),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), "PrimitiveArrayTypeInfo<Byte>"),
    (Types.BASIC_ARRAY(Types.STRING()), "BasicArrayTypeInfo<String>"),
    (Types.OBJECT_ARRAY(Types.SQL_DATE()), "ObjectArrayTypeInfo<DateTypeInfo>"),
    (Types.LIST(Types.INT()), "ListTypeInfo<Integer>"),
    (Types.MAP(Types.STRING(), Types.DOUBLE()), "MapTypeInfo<String, Double>"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), "TupleTypeInfo(Integer, String)"),
    (Types.ROW([Types.INT(), Types.STRING()]), "RowTypeInfo(Integer, String)"),
    (Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.STRING()]), "RowTypeInfo(a: Integer, b: String)"),
    (LocalTimeTypeInfo(LocalTimeTypeInfo.TimeType.LOCAL_DATE), "LocalTimeTypeInfo<LOCAL_DATE>"),
    (ExternalTypeInfo(Types.INT()), "ExternalTypeInfo<Integer>"),
]


@pytest.mark.parametrize(("kind", "text"), PRINTED, ids=lambda value: str(value))
def test_a_type_prints_as_flink_prints_it(kind: TypeInformation, text: str) -> None:
    assert repr(kind) == text


def test_types_are_values() -> None:
    for number, (kind, _) in enumerate(PRINTED):
        same = [other for other, _ in PRINTED if other == kind]
        expected = 2 if isinstance(kind, RowTypeInfo) else 1
        assert len(same) == expected, (number, kind)
        assert hash(same[0]) == hash(kind)
    assert Types.INT() == BasicTypeInfo.INT_TYPE_INFO() != Types.LONG()


def test_a_row_type_knows_its_fields() -> None:
    named = Types.ROW_NAMED(["id", "name"], [Types.LONG(), Types.STRING()])
    assert isinstance(named, RowTypeInfo)
    assert named.get_field_names() == ["id", "name"]
    assert named.get_field_types() == [Types.LONG(), Types.STRING()]
    assert (named.get_field_index("name"), named.get_field_index("none")) == (1, -1)
    positional = Types.ROW([Types.LONG(), Types.STRING()])
    assert positional.get_field_names() == ["f0", "f1"]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="1 names for 2 types"):
        Types.ROW_NAMED(["id"], [Types.LONG(), Types.STRING()])


def test_an_array_has_elements_that_it_can_hold() -> None:
    with pytest.raises(TypeError, match="OBJECT_ARRAY"):
        Types.PRIMITIVE_ARRAY(Types.STRING())
    with pytest.raises(TypeError, match="LIST"):
        Types.BASIC_ARRAY(Types.SQL_DATE())


class Person:
    def __init__(self, name: str, age: int) -> None:
        self.name, self.age = name, age


@pytest.mark.parametrize(
    "value",
    [
        Row("Ada", 41),
        Row(age=41, name="Ada"),
        ("Ada", 41),
        ["Ada", 41],
        {"age": 41, "name": "Ada"},
        Person("Ada", 41),
    ],
)
def test_a_row_type_takes_every_shape_of_a_row(value: Any) -> None:
    kind = Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    assert kind.need_conversion()
    assert kind.to_internal_type(value) == (0, "Ada", 41)


def test_rows_and_tuples_come_back_from_their_internal_form() -> None:
    day = datetime.date(2026, 11, 21)
    inner = Types.TUPLE([Types.SQL_DATE(), Types.INT()])
    kind = Types.ROW_NAMED(["when", "pair"], [Types.INSTANT(), inner])
    row = Row.of_kind(RowKind.DELETE, Instant(5, 1_000_000), (day, 1))
    internal = kind.to_internal_type(row)
    assert internal == (3, 5_001_000, (day.toordinal() - 719163, 1))
    back = kind.from_internal_type(internal)
    assert (back, back.get_row_kind(), back["pair"]) == (row, RowKind.DELETE, (day, 1))
    assert kind.to_internal_type(None) is None
    assert kind.from_internal_type(None) is None
    with pytest.raises(ValueError, match="1 fields"):
        kind.to_internal_type(Row(1))
    with pytest.raises(ValueError, match="not a tuple"):
        TupleTypeInfo((Types.INT(),)).to_internal_type(3)


@given(st.dates())
def test_dates_survive_their_internal_form(value: datetime.date) -> None:
    kind = Types.SQL_DATE()
    assert kind.from_internal_type(kind.to_internal_type(value)) == value


@given(st.times())
def test_times_survive_their_internal_form(value: datetime.time) -> None:
    kind = Types.SQL_TIME()
    assert kind.from_internal_type(kind.to_internal_type(value)) == value.replace(fold=0)


@given(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2100, 1, 1)))  # noqa: DTZ001 - local times
def test_timestamps_survive_their_internal_form(value: datetime.datetime) -> None:
    kind = Types.SQL_TIMESTAMP()
    assert kind.from_internal_type(kind.to_internal_type(value)) == value


def test_times_with_a_zone_count_in_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    assert Types.SQL_TIME().to_internal_type(datetime.time(3, 0, tzinfo=zone)) == 3_600_000_000
    stamp = datetime.datetime(1970, 1, 1, 3, 0, 0, 7, tzinfo=zone)
    assert Types.SQL_TIMESTAMP().to_internal_type(stamp) == 3_600_000_007
    assert Types.STRING().to_internal_type("x") == Types.STRING().from_internal_type("x") == "x"
    assert not Types.LIST(Types.INT()).need_conversion()


def test_the_java_side_of_a_type_is_refused_with_the_alternative() -> None:
    with pytest.raises(UnsupportedOperation, match="pass the TypeInformation itself") as caught:
        Types.INT().get_java_type_info()
    assert caught.value.refusal.what == "TypeInformation.get_java_type_info"
