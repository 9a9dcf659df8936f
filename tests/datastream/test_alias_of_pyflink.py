"""`pyflink.x` is the very module `penstock.x`."""

import importlib
import sys

import pytest

import penstock.datastream
from penstock.compat import install_alias


@pytest.mark.parametrize(
    "name",
    [
        "common",
        "common.serialization",
        "common.typeinfo",
        "common.watermark_strategy",
        "datastream",
        "datastream.connectors",
        "datastream.connectors.base",
        "datastream.connectors.file_system",
        "datastream.connectors.kafka",
        "datastream.connectors.number_seq",
        "datastream.functions",
        "datastream.state",
        "datastream.window",
    ],
)
def test_a_module_of_pyflink_is_the_same_object(name: str) -> None:
    install_alias()
    assert importlib.import_module(f"pyflink.{name}") is importlib.import_module(f"penstock.{name}")
    assert sys.modules[f"penstock.{name}"].__name__ == f"penstock.{name}"
    assert sys.modules[f"penstock.{name}"].__spec__ is not None
    assert sys.modules[f"penstock.{name}"].__spec__.name == f"penstock.{name}"  # type: ignore[union-attr]


def test_a_module_that_does_not_exist_is_missing_under_both_names() -> None:
    install_alias()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pyflink.datastream.nothing_here")


def test_connectors_are_found_where_older_programs_import_them() -> None:
    from penstock.datastream.connectors import FlinkKafkaConsumer
    from penstock.datastream.connectors.kafka import FlinkKafkaConsumer as FromKafka

    assert FlinkKafkaConsumer is FromKafka
    assert penstock.datastream.StreamExecutionEnvironment is not None
