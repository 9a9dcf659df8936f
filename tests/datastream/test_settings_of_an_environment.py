"""What an environment and its checkpoint settings are told is what the cluster reads; what cannot be is refused."""

import os
from typing import Any

import pytest

from penstock.common import Configuration, Duration, Types, UnsupportedOperation, WatermarkStrategy
from penstock.datastream import (
    CheckpointingMode,
    CustomCheckpointStorage,
    CustomStateBackend,
    EmbeddedRocksDBStateBackend,
    ExternalizedCheckpointRetention,
    FileSystemCheckpointStorage,
    HashMapStateBackend,
    JobManagerCheckpointStorage,
    MemorySize,
    OutputTag,
    PredefinedOptions,
    RuntimeExecutionMode,
    SlotSharingGroup,
    StreamExecutionEnvironment,
    TimeCharacteristic,
)
from penstock.datastream.connectors.number_seq import NumberSequenceSource
from penstock.datastream.data_stream import CachedDataStream, CloseableIterator, KeyedStream
from penstock.graph.streamgraph import GraphError


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> StreamExecutionEnvironment:
    monkeypatch.delenv("PENSTOCK_CONFIGURATION", raising=False)
    return StreamExecutionEnvironment()


def settings(env: StreamExecutionEnvironment) -> dict[str, str]:
    env.from_collection([1]).print()
    return env.job_graph("job").configuration


def test_checkpoint_settings_are_flinks_keys(env: StreamExecutionEnvironment) -> None:
    config = env.enable_checkpointing(500, CheckpointingMode.AT_LEAST_ONCE).get_checkpoint_config()
    config.set_checkpoint_timeout(60_000).set_min_pause_between_checkpoints(100)
    config.set_max_concurrent_checkpoints(2).set_tolerable_checkpoint_failure_number(3)
    config.set_externalized_checkpoint_retention(ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION)
    config.enable_unaligned_checkpoints().set_aligned_checkpoint_timeout(Duration.of_seconds(2))
    config.set_force_unaligned_checkpoints()
    config.set_checkpoint_storage(FileSystemCheckpointStorage("s3://b/c", 2048, 8192))
    env.set_default_savepoint_directory("s3://b/s")
    assert settings(env) == {
        "execution.checkpointing.interval": "500 ms",
        "execution.checkpointing.mode": "AT_LEAST_ONCE",
        "execution.checkpointing.timeout": "60000 ms",
        "execution.checkpointing.min-pause": "100 ms",
        "execution.checkpointing.max-concurrent-checkpoints": "2",
        "execution.checkpointing.tolerable-failed-checkpoints": "3",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.unaligned.enabled": "true",
        "execution.checkpointing.unaligned.forced": "true",
        "execution.checkpointing.aligned-checkpoint-timeout": "2000 ms",
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": "s3://b/c",
        "execution.checkpointing.data-inline-threshold": "2048 b",
        "execution.checkpointing.write-buffer-size": "8192",
        "execution.checkpointing.savepoint-dir": "s3://b/s",
    }
    assert config.is_checkpointing_enabled()
    assert (config.get_checkpoint_timeout(), config.get_min_pause_between_checkpoints()) == (60_000, 100)
    assert (config.get_max_concurrent_checkpoints(), config.is_externalized_checkpoints_enabled()) == (
        2,
        True,
    )
    assert config.get_alignment_timeout() == Duration.of_seconds(2)
    assert (env.is_unaligned_checkpoints_enabled(), env.is_force_unaligned_checkpoints()) == (True, True)
    storage = config.get_checkpoint_storage()
    assert (type(storage), storage and storage.get_checkpoint_path()) == (
        FileSystemCheckpointStorage,
        "s3://b/c",
    )
    assert env.get_default_savepoint_directory() == "s3://b/s"
    assert env.get_checkpointing_consistency_mode() is CheckpointingMode.AT_LEAST_ONCE


def test_checkpoint_settings_have_flinks_defaults(env: StreamExecutionEnvironment) -> None:
    config = env.get_checkpoint_config()
    assert (config.is_checkpointing_enabled(), config.get_checkpoint_interval()) == (False, -1)
    assert (config.get_checkpoint_timeout(), config.get_max_concurrent_checkpoints()) == (600_000, 1)
    assert config.is_fail_on_checkpointing_errors()
    assert (
        config.set_fail_on_checkpointing_errors(False).get_tolerable_checkpoint_failure_number() == 2**31 - 1
    )
    assert not config.is_externalized_checkpoints_enabled()
    assert (
        not config.enable_unaligned_checkpoints()
        .disable_unaligned_checkpoints()
        .is_unaligned_checkpoints_enabled()
    )
    assert (
        env.get_default_savepoint_directory(),
        config.get_checkpoint_storage(),
        env.get_state_backend(),
    ) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("set_checkpoint_interval", 5),
        ("set_checkpoint_timeout", 1),
        ("set_min_pause_between_checkpoints", -1),
        ("set_max_concurrent_checkpoints", 0),
        ("set_tolerable_checkpoint_failure_number", -1),
    ],
)
def test_checkpoint_settings_that_make_no_sense_are_refused(
    env: StreamExecutionEnvironment, method: str, value: int
) -> None:
    with pytest.raises(ValueError, match=str(value)):
        getattr(env.get_checkpoint_config(), method)(value)


def test_state_backends_are_keys(env: StreamExecutionEnvironment) -> None:
    backend = EmbeddedRocksDBStateBackend(True)
    backend.set_db_storage_paths("/a", "/b")
    backend.set_predefined_options(PredefinedOptions.FLASH_SSD_OPTIMIZED)
    backend.set_number_of_transfer_threads(2)
    assert env.set_state_backend(backend).get_state_backend() == backend
    assert settings(env) == {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "state.backend.rocksdb.localdir": "/a,/b",
        "state.backend.rocksdb.predefined-options": "FLASH_SSD_OPTIMIZED",
        "state.backend.rocksdb.checkpoint.transfer.thread.num": "2",
    }
    assert (backend.is_incremental_checkpoints_enabled(), backend.get_db_storage_paths()) == (
        True,
        ["/a", "/b"],
    )
    assert backend.get_predefined_options() is PredefinedOptions.FLASH_SSD_OPTIMIZED
    assert (backend.get_number_of_transfer_threads(), backend.get_options()) == (2, None)
    backend.set_db_storage_paths(None)
    assert backend.get_db_storage_paths() is None
    with pytest.raises(UnsupportedOperation, match=r"state\.backend\.rocksdb"):
        backend.set_options("org.example.Factory")
    assert env.set_state_backend(HashMapStateBackend()).get_state_backend() == HashMapStateBackend()
    env.configure(Configuration().set_string("state.backend.type", "org.example.Mine"))
    with pytest.raises(UnsupportedOperation, match="hashmap or rocksdb"):
        env.get_state_backend()


def test_backends_and_storages_of_java_are_refused() -> None:
    with pytest.raises(UnsupportedOperation, match="EmbeddedRocksDBStateBackend"):
        CustomStateBackend(object())
    with pytest.raises(UnsupportedOperation, match="FileSystemCheckpointStorage"):
        CustomCheckpointStorage(object())
    with pytest.raises(ValueError, match="at most 1048576"):
        FileSystemCheckpointStorage("/x", 2 * 1024 * 1024)


def test_storages_know_their_folders() -> None:
    files = FileSystemCheckpointStorage("/c")
    assert (files.get_checkpoint_path(), files.get_savepoint_path()) == ("/c", None)
    assert (files.get_min_file_size_threshold(), files.get_write_buffer_size()) == (20 * 1024, 20 * 1024)
    memory = JobManagerCheckpointStorage("/c", 10)
    assert (memory.get_checkpoint_path(), memory.get_max_state_size()) == ("/c", 10)
    assert (
        JobManagerCheckpointStorage().get_max_state_size()
        == JobManagerCheckpointStorage.DEFAULT_MAX_STATE_SIZE
    )


def test_parallelism_comes_from_the_program_the_configuration_or_the_machine(
    env: StreamExecutionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert env.get_parallelism() == env.get_default_local_parallelism() == (os.cpu_count() or 1)
    monkeypatch.setattr(type(env).__mro__[1], "_local_parallelism", None)
    env.set_default_local_parallelism(7)
    assert StreamExecutionEnvironment().get_parallelism() == 7
    assert env.set_parallelism(3).get_parallelism() == 3
    assert env.set_max_parallelism(64).get_max_parallelism() == 64
    with pytest.raises(ValueError, match="32768"):
        env.set_max_parallelism(40_000)


def test_buffers_chains_and_the_clock_of_older_programs(env: StreamExecutionEnvironment) -> None:
    assert (env.get_buffer_timeout(), env.is_chaining_enabled()) == (100, True)
    assert env.set_buffer_timeout(0).get_buffer_timeout() == 0
    assert env.set_buffer_timeout(-1).get_buffer_timeout() == -1
    assert not env.disable_operator_chaining().is_chaining_enabled()
    assert env.is_chaining_of_operators_with_different_max_parallelism_enabled()
    assert env.is_changelog_state_backend_enabled() is None
    assert env.enable_changelog_state_backend(True).is_changelog_state_backend_enabled() is True
    env.set_stream_time_characteristic(TimeCharacteristic.ProcessingTime)
    assert env.get_config().get_auto_watermark_interval() == 0
    env.set_stream_time_characteristic(TimeCharacteristic.EventTime)
    assert env.get_config().get_auto_watermark_interval() == 200


def test_slot_sharing_groups_hold_their_resources(env: StreamExecutionEnvironment) -> None:
    group = (
        SlotSharingGroup.builder("heavy")
        .set_cpu_cores(1.5)
        .set_task_heap_memory(MemorySize(2048))
        .set_task_off_heap_memory_mb(1)
        .set_managed_memory_mb(2)
        .set_external_resource("gpu", 1.0)
        .build()
    )
    assert (group.get_name(), group.get_cpu_cores(), group.get_external_resources()) == (
        "heavy",
        1.5,
        {"gpu": 1.0},
    )
    assert (group.get_task_heap_memory(), group.get_managed_memory()) == (
        MemorySize(2048),
        MemorySize(2 << 20),
    )
    assert group.get_task_off_heap_memory() == MemorySize.of_mebi_bytes(1)
    assert SlotSharingGroup.builder("plain").build().get_cpu_cores() is None
    with pytest.raises(ValueError, match="both cores and heap memory"):
        SlotSharingGroup.builder("half").set_cpu_cores(1).build()
    env.register_slot_sharing_group(group)
    env.from_collection([1]).map(lambda value: value).slot_sharing_group(group).print()
    assert {vertex.slot_sharing_group for vertex in env.job_graph("job").vertices} >= {"heavy"}
    with pytest.raises(UnsupportedOperation):
        group.get_java_slot_sharing_group()


def test_sizes_of_memory_in_every_unit() -> None:
    size = MemorySize.of_mebi_bytes(3 << 20)
    assert (size.get_bytes(), size.get_kibi_bytes(), size.get_mebi_bytes()) == (3 << 40, 3 << 30, 3 << 20)
    assert (size.get_gibi_bytes(), size.get_tebi_bytes(), str(size)) == (3 << 10, 3, "3 tb")
    assert MemorySize(1) < MemorySize(2) <= MemorySize(2)
    assert (str(MemorySize(1025)), str(MemorySize(2048)), str(MemorySize(0))) == (
        "1025 bytes",
        "2 kb",
        "0 bytes",
    )


def test_a_job_without_uids_is_refused_where_the_program_asked_for_them(
    env: StreamExecutionEnvironment,
) -> None:
    env.get_config().disable_auto_generated_uids()
    env.from_collection([1]).uid("numbers").map(lambda value: value).name("nameless").print().uid("out")
    with pytest.raises(GraphError, match=r"'nameless' has none: call uid"):
        env.job_graph("job")


def test_batch_mode_needs_sources_that_end_and_takes_no_checkpoints(env: StreamExecutionEnvironment) -> None:
    env.set_runtime_mode(RuntimeExecutionMode.BATCH).enable_checkpointing(100)
    found = settings(env)
    assert found["execution.runtime-mode"] == "BATCH"
    assert "execution.checkpointing.interval" not in found
    env.set_runtime_mode(RuntimeExecutionMode.AUTOMATIC)
    assert settings(env)["execution.runtime-mode"] == "BATCH"
    env.configure(Configuration().set_string("execution.runtime-mode", "sometimes"))
    with pytest.raises(GraphError, match="'SOMETIMES': write one of"):
        env.job_graph("job")


def test_an_endless_source_is_refused_in_batch_mode(env: StreamExecutionEnvironment) -> None:
    stream = env.from_source(NumberSequenceSource(1, 2), WatermarkStrategy.no_watermarks(), "endless")
    spec: Any = stream._settings.source  # type: ignore[attr-defined]
    stream._settings.source = spec.model_copy(update={"boundedness": "CONTINUOUS_UNBOUNDED"})  # type: ignore[attr-defined]
    stream.print()
    env.set_runtime_mode(RuntimeExecutionMode.AUTOMATIC)
    assert env.job_graph("job").configuration["execution.runtime-mode"] == "STREAMING"
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    with pytest.raises(GraphError, match="'Source: endless' does not"):
        env.job_graph("job")


def test_a_later_job_reads_streams_of_an_earlier_one(env: StreamExecutionEnvironment) -> None:
    numbers = env.from_collection([1]).map(lambda value: value).name("kept")
    numbers.print()
    first = env.job_graph("first")
    env._executed = len(env._graph.nodes)
    with pytest.raises(GraphError, match="no operators"):
        env.job_graph("nothing")
    numbers.filter(lambda value: value > 0).name("later").print()
    second = env.job_graph("second")
    names = [operator.name for vertex in second.vertices for operator in vertex.operators]
    assert sum("kept" in name for name in names) == 1
    assert not any("later" in o.name for vertex in first.vertices for o in vertex.operators)


def test_streams_are_found_where_pyflink_has_them(env: StreamExecutionEnvironment) -> None:
    stream = env.from_collection([(1, 2)], Types.TUPLE([Types.INT(), Types.INT()]))
    cached = stream.map(lambda value: value).cache()
    assert isinstance(cached, CachedDataStream)
    cached.invalidate()
    with pytest.raises(UnsupportedOperation, match=r"before cache\(\)"):
        cached.set_parallelism(1)
    keyed = cached.key_by(lambda value: value[0])
    assert isinstance(keyed, KeyedStream)
    assert keyed.AccumulateType.SUM.value == 5
    assert keyed.get_execution_config() == env.get_config()
    assert issubclass(CloseableIterator, object)
    with pytest.raises(UnsupportedOperation):
        OutputTag("late").get_java_output_tag()
    with pytest.raises(UnsupportedOperation, match="FileSource"):
        env.create_input(object())
