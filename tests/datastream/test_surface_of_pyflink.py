"""Rows, types, collections and configuration behave as PyFlink's do."""

import pickle

import pytest

from penstock.common import Configuration, Duration, RestartStrategies, Row, RowKind, Time, Types
from penstock.common.durations import parse_duration_ms
from penstock.datastream import CheckpointingMode, StreamExecutionEnvironment
from penstock_api.keys import encode_key


def test_rows_are_values_by_position_and_by_name() -> None:
    person = Row("name", "age")
    ada = person("Ada", 41)
    assert (ada.name, ada["age"], ada[0], list(ada)) == ("Ada", 41, "Ada", ["Ada", 41])
    assert ada == Row(name="Ada", age=41) == Row("Ada", 41)
    assert hash(ada) == hash(Row("Ada", 41))
    assert encode_key(ada) == encode_key(Row("Ada", 41))
    assert ada.as_dict() == {"name": "Ada", "age": 41}
    assert pickle.loads(pickle.dumps(ada)).name == "Ada"
    assert Row.of_kind(RowKind.DELETE, 1) != Row(1)
    with pytest.raises(AttributeError, match="cannot be changed"):
        ada.name = "Bob"


def test_a_collection_takes_the_shape_of_its_type() -> None:
    env = StreamExecutionEnvironment()
    row_type = Types.ROW_NAMED(["k", "n"], [Types.STRING(), Types.INT()])
    assert env.from_collection([("a", 1)], row_type).get_type() == row_type
    with pytest.raises(ValueError, match="no nulls"):
        env.from_collection([("a", None)], Types.TUPLE([Types.STRING(), Types.INT()]))
    with pytest.raises(ValueError, match="2 fields, its type has 1"):
        env.from_collection([("a", 1)], Types.ROW([Types.STRING()]))


def test_settings_of_a_program_lie_over_those_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PENSTOCK_CONFIGURATION", '{"parallelism.default": "3", "execution.checkpointing.interval": "10s"}'
    )
    env = StreamExecutionEnvironment.get_execution_environment()
    assert (env.get_parallelism(), env.get_checkpoint_interval()) == (3, 10_000)
    env.enable_checkpointing(500, CheckpointingMode.AT_LEAST_ONCE)
    env.set_restart_strategy(RestartStrategies.fixed_delay_restart(2, 100))
    env.from_collection([1]).print()
    configuration = env.job_graph("x").configuration
    assert configuration["execution.checkpointing.interval"] == "500 ms"
    assert configuration["restart-strategy.fixed-delay.attempts"] == "2"
    assert env.get_checkpointing_mode() is CheckpointingMode.AT_LEAST_ONCE


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("10 s", 10_000), ("5", 5), ("2min", 120_000), ("1 h", 3_600_000), ("0", 0)]
)
def test_durations_are_read_as_flink_reads_them(text: str, milliseconds: int) -> None:
    assert parse_duration_ms(text) == milliseconds


def test_a_bad_duration_is_named() -> None:
    with pytest.raises(ValueError, match="'soon' is not a duration"):
        parse_duration_ms("soon")


def test_times_and_configuration() -> None:
    assert Time.minutes(2).to_milliseconds() == Duration.of_seconds(120).to_millis()
    configuration = Configuration().set_integer("a", 1).set_boolean("b", True)
    assert configuration.to_dict() == {"a": "1", "b": "true"}
    assert (
        Configuration.parse_list_value("a; b") == Configuration.parse_list_value("['a', 'b']") == ["a", "b"]
    )
