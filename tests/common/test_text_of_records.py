"""Records of declared types as text: Flink's, on standard output and in text files."""

import pickle
from typing import Any

import pytest

from penstock.common import Encoder, Instant, Row, TypeInformation, Types
from penstock.common.java_text import printed_text_of, text_of

FLOAT = Types.FLOAT()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (None, (1, "a"), "(1, 'a')"),
        (Types.PICKLED_BYTE_ARRAY(), True, "True"),
        (Types.TUPLE([Types.STRING(), Types.DOUBLE()]), ("a", 1e-7), "(a,1.0E-7)"),
        (FLOAT, 110.0999984741211, "110.1"),
        (FLOAT, 163.29999923706055, "163.3"),
        (FLOAT, 16777216.0, "1.6777216E7"),
        (FLOAT, 0.1, "0.1"),
        (FLOAT, 1e300, "Infinity"),
        (FLOAT, float("nan"), "NaN"),
        (FLOAT, None, "None"),
        (Types.TUPLE([Types.INT(), FLOAT]), (1, 30.200000762939453), "(1,30.2)"),
        (Types.ROW([FLOAT, Types.STRING()]), Row(0.5, None), "+I[0.5, null]"),
        (Types.ROW([Types.STRING(), Types.BOOLEAN()]), Row("a", True), "+I[a, true]"),
        (Types.TUPLE([Types.ROW([Types.STRING()])]), (Row(None),), "(+I[null])"),
        (Types.LIST(FLOAT), [0.1, 0.25], "[0.1, 0.25]"),
        (Types.MAP(Types.STRING(), FLOAT), {"a": 0.1}, "{a=0.1}"),
        (Types.LIST(Types.TUPLE([FLOAT])), None, "None"),
        (Types.TUPLE([FLOAT]), (1.5, 2.5), "(1.5,2.5)"),
    ],
    ids=str,
)
def test_the_text_of_a_record(kind: TypeInformation | None, value: Any, text: str) -> None:
    assert text_of(kind)(value) == text


def test_print_writes_the_fields_of_a_row_as_python_does() -> None:
    """PyFlink makes the text of a row in Python, that of any other declared type in Java."""
    kind = Types.ROW([Types.STRING(), Types.BOOLEAN(), Types.DOUBLE(), Types.LIST(Types.INT())])
    row = Row("a", True, 1e-7, [1, 2])
    assert printed_text_of(kind)(row) == "+I[a,True,1e-07,[1, 2]]"
    assert printed_text_of(kind)(None) == "None"
    assert printed_text_of(Types.TUPLE([Types.BOOLEAN()]))((True,)) == "(true)"


def test_an_instant_prints_as_flink_prints_it() -> None:
    assert str(Instant.of_epoch_milli(1_700_000_000_123)) == "Instant<1700000000, 123000000>"


def test_an_encoder_writes_lines_of_the_declared_type() -> None:
    encoder = Encoder.simple_string_encoder("UTF-16-LE")
    assert encoder.encode((1, "a")) == "(1, 'a')\n".encode("UTF-16-LE")
    declared = encoder.for_declared_type(Types.TUPLE([Types.INT(), Types.STRING()]))
    declared.encode((1, "a"))
    assert pickle.loads(pickle.dumps(declared)).encode((1, "a")) == "(1,a)\n".encode("UTF-16-LE")

    class Own(Encoder):
        def encode(self, element: Any) -> bytes:
            return b"own"

    own = Own()
    assert own.for_declared_type(Types.INT()) is own
