"""Amounts as Kubernetes writes them, memory as Flink does first."""

from decimal import Decimal

import pytest

from penstock_operator.model.quantity import parse_memory, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Decimal("0.5")),
        ("2", 2),
        ("1.5", Decimal("1.5")),
        ("1Gi", 2**30),
        ("1k", 1000),
        ("1e3", 1000),
    ],
)
def test_kubernetes_amounts(text: str, value: Decimal) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1024m", 2**30), ("1g", 2**30), ("1 GB", 2**30), ("1Gi", 2**30), ("512Mi", 2**29), ("7", 7), ("1.5Gi", 1.5 * 2**30)],
)  # fmt: skip
def test_memory(text: str, value: float) -> None:
    assert parse_memory(text) == value


@pytest.mark.parametrize("text", ["", "lots", "1Xi", "Gi"])
def test_what_is_no_amount_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_memory(text)
    with pytest.raises(ValueError, match="is not an amount"):
        parse_quantity(text)
