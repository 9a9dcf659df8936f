"""Configuration, options, execution settings and restart strategies: what a program sets is what the cluster reads."""

import pickle
from datetime import timedelta
from io import BytesIO

import pytest

from penstock.common import (
    ConfigOptions,
    Configuration,
    Duration,
    ExecutionConfig,
    InputDependencyConstraint,
    RestartStrategies,
    TypeSerializer,
    UnsupportedOperation,
    WatermarkStrategy,
)
from penstock.common.io import InputFormat
from penstock.common.job_parameters import format_parameters, parse_parameters
from penstock.common.serializer import VoidNamespaceSerializer
from penstock.common.watermark_strategy import AssignerWithPeriodicWatermarksWrapper


def test_a_configuration_keeps_values_of_every_kind() -> None:
    config = Configuration().set_string("s", "x").set_integer("i", 7).set_boolean("b", True)
    config.set_float("f", 2.5).set_bytearray("y", bytearray(b"\x00\xff"))
    assert config.get_string("s", "") == "x"
    assert (config.get_integer("i", 0), config.get_integer("none", 3)) == (7, 3)
    assert (config.get_boolean("b", False), config.get_boolean("none", True)) == (True, True)
    assert (config.get_float("f", 0.0), config.get_float("none", 1.5)) == (2.5, 1.5)
    assert (config.get_bytearray("y", bytearray()), config.get_bytearray("none", bytearray(b"z"))) == (
        bytearray(b"\x00\xff"),
        bytearray(b"z"),
    )
    assert config.key_set() == {"s", "i", "b", "f", "y"}
    config.set_string("b", "yes")
    with pytest.raises(ValueError, match="write true or false"):
        config.get_boolean("b", False)


def test_configurations_are_merged_copied_and_compared() -> None:
    config = Configuration.from_dict({"a": "1", "flag": True})  # type: ignore[dict-item]
    assert config.to_dict() == {"a": "1", "flag": "true"}
    copy = Configuration(config)
    assert (copy == config, hash(copy) == hash(config), str(copy)) == (True, True, str(config))
    copy.add_all(Configuration().set_string("b", "2"), "x.")
    assert copy.to_dict() == {"a": "1", "flag": "true", "x.b": "2"}
    assert (copy.remove_config("a"), copy.remove_config("a"), copy.contains_key("a")) == (True, False, False)
    target = {"other": "0"}
    copy.add_all_to_dict(target)
    assert target == {"other": "0", "flag": "true", "x.b": "2"}
    assert Configuration.parse_list_value("") == []


def test_options_have_types_and_defaults() -> None:
    count = ConfigOptions.key("my.count").int_type().default_value(4)
    ratio = ConfigOptions.key("my.ratio").double_type().no_default_value()
    flag = ConfigOptions.key("my.flag").boolean_type().default_value(False)
    config = Configuration().set(ratio, 0.5)
    assert (config.get(count), config.get(ratio), config.get(flag), config.get(count, 9)) == (
        4,
        0.5,
        False,
        9,
    )
    config.set(count, 12).set(flag, True)
    assert (config.get(count), config.get(flag), config.to_dict()["my.flag"]) == (12, True, "true")
    config.set_string("my.count", "many")
    with pytest.raises(ValueError, match=r"my\.count: invalid literal"):
        config.get(count)
    assert (count.has_default_value(), ratio.has_default_value()) == (True, False)


def test_execution_settings_are_configuration_keys() -> None:
    configuration = Configuration()
    config = ExecutionConfig(configuration)
    config.set_parallelism(3).set_max_parallelism(64).set_auto_watermark_interval(50)
    config.set_latency_tracking_interval(1000).set_task_cancellation_interval(
        5
    ).set_task_cancellation_timeout(0)
    config.set_use_snapshot_compression(True).disable_auto_generated_uids().set_parallelism(-2)
    assert configuration.to_dict() == {
        "parallelism.default": "3",
        "pipeline.max-parallelism": "64",
        "pipeline.auto-watermark-interval": "50 ms",
        "metrics.latency.interval": "1000 ms",
        "task.cancellation.interval": "5 ms",
        "task.cancellation.timeout": "0 ms",
        "execution.checkpointing.snapshot-compression": "true",
        "pipeline.auto-generate-uids": "false",
    }
    read = ExecutionConfig(Configuration(configuration))
    assert (read == config, hash(read) == hash(config)) == (True, True)
    assert (read.get_parallelism(), read.get_max_parallelism(), read.get_auto_watermark_interval()) == (
        3,
        64,
        50,
    )
    assert (read.get_latency_tracking_interval(), read.get_task_cancellation_interval()) == (1000, 5)
    assert (read.get_task_cancellation_timeout(), read.is_use_snapshot_compression()) == (0, True)
    assert not read.has_auto_generated_uids_enabled()


def test_flags_of_javas_serializers_read_back() -> None:
    config = ExecutionConfig(Configuration())
    assert config.is_closure_cleaner_enabled()
    assert not config.has_generic_types_disabled()
    config.disable_closure_cleaner().enable_force_kryo().disable_generic_types().enable_force_avro()
    assert (config.is_closure_cleaner_enabled(), config.is_force_kryo_enabled()) == (False, True)
    assert (config.has_generic_types_disabled(), config.is_force_avro_enabled()) == (True, True)
    config.enable_closure_cleaner().disable_force_kryo().enable_generic_types().disable_force_avro()
    assert (config.is_closure_cleaner_enabled(), config.is_force_kryo_enabled()) == (True, False)
    assert (config.has_generic_types_disabled(), config.is_force_avro_enabled()) == (False, False)
    assert config.get_registered_kryo_types() == config.get_registered_pojo_types() == []
    assert config.get_default_kryo_serializer_classes() == {}
    assert config.enable_object_reuse().is_object_reuse_enabled()
    assert not config.disable_object_reuse().is_object_reuse_enabled()
    assert config.enable_auto_generated_uids().has_auto_generated_uids_enabled()


@pytest.mark.parametrize("parallelism", [0, -3])
def test_a_parallelism_below_one_is_refused(parallelism: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ExecutionConfig(Configuration()).set_parallelism(parallelism)


def test_job_parameters_are_read_in_both_spellings() -> None:
    config = ExecutionConfig(Configuration()).set_global_job_parameters({"a": 1, "b": "x:y,z"})
    assert config.get_global_job_parameters() == {"a": "1", "b": "x:y,z"}
    assert parse_parameters("a:1, b:'x' ,") == {"a": "1", "b": "x"}
    assert parse_parameters(format_parameters({"a": "1"})) == {"a": "1"}
    assert parse_parameters("") == {}
    with pytest.raises(ValueError, match="'a' in"):
        parse_parameters("a")


def test_restart_strategies_say_what_they_are() -> None:
    fixed = RestartStrategies.fixed_delay_restart(3, timedelta(seconds=2))
    assert isinstance(fixed, RestartStrategies.FixedDelayRestartStrategyConfiguration)
    assert (fixed.get_restart_attempts(), fixed.get_delay_between_attempts_interval()) == (
        3,
        timedelta(seconds=2),
    )
    assert fixed.keys["restart-strategy.fixed-delay.delay"] == "2000 ms"
    assert (
        fixed == RestartStrategies.fixed_delay_restart(3, 2000) != RestartStrategies.fixed_delay_restart(3, 1)
    )
    assert hash(fixed) == hash(RestartStrategies.fixed_delay_restart(3, 2000))
    rate = RestartStrategies.failure_rate_restart(5, 60_000, 100)
    assert isinstance(rate, RestartStrategies.FailureRateRestartStrategyConfiguration)
    assert (rate.get_max_failure_rate(), rate.get_failure_interval()) == (5, timedelta(minutes=1))
    assert rate.get_delay_between_attempts_interval() == timedelta(milliseconds=100)
    assert "maximum of 5 failures" in rate.get_description()
    assert RestartStrategies.no_restart().keys == {"restart-strategy.type": "none"}
    assert RestartStrategies.fall_back_restart().keys == {}
    with pytest.raises(TypeError, match="milliseconds or a timedelta"):
        RestartStrategies.fixed_delay_restart(1, "1s")  # type: ignore[arg-type]


def test_a_watermark_strategy_is_built_up_in_any_order() -> None:
    strategy = (
        WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(2))
        .with_watermark_alignment("group", Duration.of_seconds(20))
        .with_idleness(Duration.of_minutes(1))
    )
    assert (strategy.out_of_orderness_ms, strategy.idle_timeout_ms) == (2000, 60_000)
    assert strategy.alignment is not None
    assert (strategy.alignment.group, strategy.alignment.max_drift_ms) == ("group", 20_000)
    assert strategy.alignment.update_interval_ms == 1000
    with pytest.raises(ValueError, match="longer than zero"):
        strategy.with_watermark_alignment("group", Duration.of_millis(0))
    with pytest.raises(ValueError, match="longer than zero"):
        strategy.with_idleness(Duration.of_millis(0))


def test_serializers_are_values_and_the_void_is_nothing() -> None:
    class Text(TypeSerializer[str]):
        def serialize(self, element: str, stream: BytesIO) -> None:
            stream.write(element.encode())

        def deserialize(self, stream: BytesIO) -> str:
            return stream.read().decode()

    stream = BytesIO()
    Text().serialize("x", stream)
    stream.seek(0)
    assert Text().deserialize(stream) == "x"
    assert (Text() == Text(), hash(Text()) == hash(Text()), repr(Text())) == (True, True, "Text()")
    void = VoidNamespaceSerializer()
    void.serialize(b"anything", stream)
    assert void.deserialize(stream) == b""
    assert list(InputDependencyConstraint) == [InputDependencyConstraint.ANY, InputDependencyConstraint.ALL]


def test_what_is_javas_is_refused_and_the_refusal_travels() -> None:
    with pytest.raises(UnsupportedOperation, match="no JVM"):
        InputFormat(object())
    with pytest.raises(UnsupportedOperation, match="WatermarkStrategy") as caught:
        AssignerWithPeriodicWatermarksWrapper(object())
    travelled = pickle.loads(pickle.dumps(caught.value))
    assert (str(travelled), travelled.refusal) == (str(caught.value), caught.value.refusal)
