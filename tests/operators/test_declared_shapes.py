"""Records take the shape of their declared type where a chain of functions ends, as Flink's serializers give it them.

What is expected here is what PyFlink 2.3's own coders gave for the same values and types.
"""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from penstock.common import Row, RowKind, TypeInformation, Types
from penstock.common.conversion import conversion_of
from penstock.common.output_tag import OutputTag
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.data_stream import DataStream
from penstock.datastream.functions import ProcessFunction
from penstock.datastream.window import CountTumblingWindowAssigner
from penstock.graph.jobgraph import JobGraph
from penstock.graph.program_module import loads
from penstock.operators.contract import Batch
from penstock.taskmanager.output import ChainOutput
from penstock.testing import StreamHarness

T = Types
PAIR = T.ROW_NAMED(["x", "y"], [T.STRING(), T.INT()])
NESTED = T.ROW([T.ROW_NAMED(["p"], [T.INT()]), T.LIST(T.DOUBLE()), T.MAP(T.STRING(), T.LONG())])


def shown(value: Any) -> Any:
    """A value with its type and, for a row, with the names of its fields."""
    if isinstance(value, Row):
        return (value.get_row_kind(), [(name, shown(value[name])) for name in value._fields or ()])
    if isinstance(value, list | tuple):
        return (type(value), [shown(item) for item in value])
    return (type(value), value)


def named(**fields: Any) -> Row:
    return Row(**fields)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (T.INT(), True, 1),
        (T.INT(), 1.7, 1),
        (T.BOOLEAN(), 1, True),
        (T.DOUBLE(), 1, 1.0),
        (T.FLOAT(), 0.1, 0.10000000149011612),
        (T.FLOAT(), 3, 3.0),
        (T.BIG_DEC(), 1.5, Decimal("1.5")),
        (T.SQL_TIME(), datetime.time(1, 2, 3, 456789), datetime.time(1, 2, 3, 456000)),
        (
            T.SQL_TIMESTAMP(),
            datetime.datetime(2024, 2, 29, 1, 2, 3, 456789),  # noqa: DTZ001 - as programs give it
            datetime.datetime(2024, 2, 29, 1, 2, 3, 456000),  # noqa: DTZ001
        ),
        (T.TUPLE([T.STRING(), T.DOUBLE()]), ("a", 1), ("a", 1.0)),
        (T.MAP(T.STRING(), T.DOUBLE()), {"a": 1, "b": None}, {"a": 1.0, "b": None}),
        (T.BASIC_ARRAY(T.STRING()), ["a", None], ["a", None]),
        (T.PRIMITIVE_ARRAY(T.BYTE()), b"abc", b"abc"),
        (T.ROW([T.STRING(), T.INT()]), Row("a", 1), named(f0="a", f1=1)),
        (T.ROW([T.STRING(), T.INT()]), Row(None, 1), named(f0=None, f1=1)),
        (PAIR, Row("a", 1), named(x="a", y=1)),
        (PAIR, named(y=1, x="a"), named(x="a", y=1)),
        (PAIR, Row.of_kind(RowKind.DELETE, "a", 1), Row.of_kind(RowKind.DELETE, x="a", y=1)),
        (NESTED, Row(Row(1), [1], {"k": 2}), named(f0=named(p=1), f1=[1.0], f2={"k": 2})),
    ],
    ids=str,
)
def test_a_record_takes_its_declared_shape(kind: TypeInformation, value: Any, expected: Any) -> None:
    conversion = conversion_of(kind)
    assert conversion is not None
    (shaped,) = conversion.all_of([value])
    assert shown(shaped) == shown(expected)
    assert shown(conversion.all_of([shaped, shaped])[1]) == shown(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (T.INT(), 2**31),
        (T.SHORT(), 70000),
        (T.LONG(), 2**63),
        (T.INT(), "1"),
        (T.INT(), None),
        (T.BOOLEAN(), "x"),
        (T.DOUBLE(), "1.5"),
        (T.STRING(), 5),
        (T.STRING(), b"ab"),
        (T.STRING(), None),
        (T.PRIMITIVE_ARRAY(T.INT()), (1, 2)),
        (T.PRIMITIVE_ARRAY(T.INT()), [1, None]),
        (T.LIST(T.STRING()), ("a", "b")),
        (T.TUPLE([T.STRING(), T.INT()]), ["a", 1]),
        (T.TUPLE([T.STRING(), T.INT()]), Row("a", 1)),
        (T.TUPLE([T.STRING(), T.INT()]), ("a", None)),
        (T.TUPLE([T.STRING(), T.INT()]), ("a",)),
        (PAIR, ("a", 1)),
        (PAIR, {"x": "a", "y": 1}),
        (PAIR, named(p="a", q=1)),
        (PAIR, Row("a")),
    ],
    ids=str,
)
def test_a_record_that_does_not_fit_is_refused(kind: TypeInformation, value: Any) -> None:
    conversion = conversion_of(kind)
    assert conversion is not None
    with pytest.raises((TypeError, ValueError), match="declared type"):
        conversion.all_of([value])


def test_records_that_fit_stay_the_objects_they_are() -> None:
    records: list[tuple[TypeInformation, list[Any]]] = [
        (T.STRING(), ["a", "b"]),
        (T.LONG(), [1, 2**40]),
        (T.TUPLE([T.STRING(), T.INT(), T.PICKLED_BYTE_ARRAY()]), [("a", 1, None), ("b", 2, {})]),
        (PAIR, [named(x="a", y=1), named(x=None, y=2)]),
        (T.LIST(T.INT()), [[1], []]),
        (T.MAP(T.STRING(), T.INT()), [{"a": 1}, {}]),
        (T.INT(), []),
        (PAIR, []),
    ]
    for kind, values in records:
        conversion = conversion_of(kind)
        assert conversion is not None
        assert conversion.all_of(values) is values
    assert conversion_of(T.PICKLED_BYTE_ARRAY()) is None
    assert conversion_of(None) is None


LATE = OutputTag("late", PAIR)


class ToSide(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
        yield LATE, Row("side", value)
        yield Row("main", value)


def to_pair(number: int) -> Row:
    return Row("a", number)


def name_of(row: Row) -> Any:
    return row[0]


def graph_of(build: Callable[[DataStream], DataStream]) -> JobGraph:
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    build(env.from_collection([1])).print()
    return env.job_graph("shapes")


def declared_by_operator(graph: JobGraph) -> dict[str, Any]:
    return {
        operator.name: {tag: loads(data) for tag, data in operator.declared.items()}
        for vertex in graph.vertices
        for operator in vertex.operators
        if operator.declared
    }


def test_objects_pass_as_they_are_between_chained_functions_alone() -> None:
    chained = graph_of(lambda ones: ones.map(to_pair, PAIR).map(name_of).filter(bool))
    assert declared_by_operator(chained) == {}
    keyed = graph_of(lambda ones: ones.map(to_pair, PAIR).key_by(name_of).map(name_of))
    assert declared_by_operator(keyed) == {"Map": {"": PAIR}}
    printed = graph_of(lambda ones: ones.map(to_pair, PAIR).filter(bool))
    assert declared_by_operator(printed) == {"Map -> Filter": {"": PAIR}}
    timed = graph_of(
        lambda ones: ones.map(to_pair, PAIR).assign_timestamps_and_watermarks(
            WatermarkStrategy.for_monotonous_timestamps()
        )
    )
    assert declared_by_operator(timed) == {"Map": {"": PAIR}, "Timestamps/Watermarks": {"": PAIR}}


def test_a_side_output_gives_its_declared_shape_to_chained_functions_too() -> None:
    split = graph_of(lambda ones: ones.process(ToSide()).get_side_output(LATE).map(name_of))
    assert declared_by_operator(split) == {"Process": {"late": PAIR}}


def test_an_output_gives_records_their_declared_shape() -> None:
    pair = conversion_of(PAIR)
    assert pair is not None
    output = ChainOutput()
    taken: dict[str, list[Any]] = {"": [], "side": []}

    class Taker:
        def __init__(self, name: str) -> None:
            self.name = name

        def process(self, batch: Batch) -> None:
            taken[self.name] += batch.values

        def process_split(self, split_id: str, batch: Batch) -> None:
            """Sources only."""

        def advance(self, timestamp: int) -> None:
            """No time here."""

        def set_idle(self, is_idle: bool) -> None:
            """Never idle."""

    output.chain(None, Taker(""))
    output.chain("side", Taker("side"))
    output.declare(None, pair)
    output.declare("side", pair)
    output.emit(Batch([Row("a", 1)], [5]))
    output.emit_side("side", Batch([Row("b", 2)]))
    assert (taken[""][0].x, taken["side"][0].y) == ("a", 2)


def test_rows_keep_their_names_from_one_function_to_the_next() -> None:
    def keyed(numbers: DataStream) -> DataStream:
        pairs = numbers.map(to_pair, PAIR).key_by(name_of)
        return pairs.reduce(lambda one, other: Row(one.x, one.y + other.y))

    with StreamHarness(keyed) as harness:
        harness.process_batch([1, 2, 3])
        assert [row.y for row in harness.extract_output_values()] == [1, 3, 6]

    def windowed(numbers: DataStream) -> DataStream:
        pairs = numbers.map(to_pair, PAIR).key_by(name_of)
        windows = pairs.window(CountTumblingWindowAssigner.of(3))
        return windows.reduce(lambda one, other: Row(one.x, one.y + other.y))

    with StreamHarness(windowed) as harness:
        harness.process_batch([1, 2, 3])
        assert [row.y for row in harness.extract_output_values()] == [6]

    def sides(numbers: DataStream) -> DataStream:
        split = numbers.process(ToSide(), PAIR)
        return split.get_side_output(LATE).map(lambda row: row.y)

    with StreamHarness(sides) as harness:
        harness.process_batch([7])
        assert harness.extract_output_values() == [7]
