"""PyFlink's file sink classes. Re-exported by `penstock.datastream.connectors.file_system`; open no file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from penstock.common.serialization import BulkWriterFactory, Encoder
from penstock.connectors.files.buckets import BasePath, DateTimeBuckets
from penstock.connectors.files.buckets import BucketAssigner as AssignBucket
from penstock.connectors.files.compaction import Compaction, Compactor, CompactStrategy
from penstock.connectors.files.rolling import DEFAULT_INTERVAL_MS, DEFAULT_PART_BYTES, Rolling
from penstock.connectors.files.sink import FileSink as FileSinkDefinition
from penstock.connectors.public import NotJava, Sink, StreamTransformer, SupportsPreprocessing
from penstock.formats.files import FileFormat


@dataclass(frozen=True, slots=True)
class RollingPolicy(NotJava):
    """When a part file ends."""

    rolling: Rolling

    @staticmethod
    def default_rolling_policy(
        part_size: int = DEFAULT_PART_BYTES,
        rollover_interval: int = DEFAULT_INTERVAL_MS,
        inactivity_interval: int = DEFAULT_INTERVAL_MS,
    ) -> "DefaultRollingPolicy":
        """By size, age and inactivity (bytes, milliseconds); parts stay open over checkpoints."""
        return DefaultRollingPolicy(Rolling(part_size, rollover_interval, inactivity_interval, False))

    @staticmethod
    def on_checkpoint_rolling_policy() -> "OnCheckpointRollingPolicy":
        """At every checkpoint, and only then."""
        return OnCheckpointRollingPolicy(Rolling(1 << 62))


class DefaultRollingPolicy(RollingPolicy):
    """By size, age and inactivity."""


class OnCheckpointRollingPolicy(RollingPolicy):
    """At every checkpoint."""


class OutputFileConfigBuilder:
    """Collects prefix and suffix."""

    def __init__(self) -> None:
        self._config = OutputFileConfig()

    def with_part_prefix(self, prefix: str) -> Self:
        """The prefix."""
        self._config = replace(self._config, part_prefix=prefix)
        return self

    def with_part_suffix(self, suffix: str) -> Self:
        """The suffix."""
        self._config = replace(self._config, part_suffix=suffix)
        return self

    def build(self) -> "OutputFileConfig":
        """The configuration."""
        return self._config


_ConfigBuilder = OutputFileConfigBuilder


@dataclass(frozen=True)
class OutputFileConfig(NotJava):
    """What stands before and after the number in a part's name."""

    part_prefix: str = "part"
    part_suffix: str = ""
    OutputFileConfigBuilder: ClassVar[type] = _ConfigBuilder

    @staticmethod
    def builder() -> _ConfigBuilder:
        """A new builder."""
        return _ConfigBuilder()

    def get_part_prefix(self) -> str:
        """The prefix."""
        return self.part_prefix

    def get_part_suffix(self) -> str:
        """The suffix."""
        return self.part_suffix


@dataclass(frozen=True, slots=True)
class BucketAssigner(NotJava):
    """Which folder a record goes to."""

    assign: AssignBucket

    @staticmethod
    def base_path_bucket_assigner() -> "BucketAssigner":
        """No folders."""
        return BucketAssigner(BasePath())

    @staticmethod
    def date_time_bucket_assigner(
        format_str: str = "yyyy-MM-dd--HH", timezone_id: str | None = None
    ) -> "BucketAssigner":
        """A folder by the time of writing."""
        return BucketAssigner(DateTimeBuckets(format_str, timezone_id))

    @staticmethod
    def of(assign: Callable[[Any], str]) -> "BucketAssigner":
        """A folder by a function of the record (not in PyFlink)."""
        return BucketAssigner(assign)


@dataclass(frozen=True)
class FileCompactStrategy(NotJava):
    """When parts are compacted."""

    strategy: CompactStrategy

    class Builder:
        """Collects the conditions."""

        def __init__(self) -> None:
            self._size: int | None = None
            self._checkpoints: int | None = None

        def set_size_threshold(self, size_threshold: int) -> Self:
            """Compact when the parts of a bucket reach so many bytes."""
            self._size = size_threshold
            return self

        def enable_compaction_on_checkpoint(self, num_checkpoints_before_compaction: int) -> Self:
            """Compact after so many checkpoints, whatever the size."""
            if num_checkpoints_before_compaction < 1:
                raise ValueError("compaction needs at least one checkpoint")
            self._checkpoints = num_checkpoints_before_compaction
            return self

        def set_num_compact_threads(self, num_compact_threads: int) -> Self:
            """Kept for compatibility: each subtask compacts its own parts."""
            return self

        def build(self) -> "FileCompactStrategy":
            """The strategy; an error if there is no condition."""
            return FileCompactStrategy(CompactStrategy(self._size, self._checkpoints))

    @staticmethod
    def builder() -> "FileCompactStrategy.Builder":
        """A new builder."""
        return FileCompactStrategy.Builder()


@dataclass(frozen=True)
class FileCompactor(NotJava):
    """How parts are compacted."""

    compactor: Compactor

    @staticmethod
    def concat_file_compactor(file_delimiter: bytes | None = None) -> "FileCompactor":
        """Bytes after bytes, with a delimiter between where one is given."""
        return FileCompactor(Compactor("concat", file_delimiter or b""))

    @staticmethod
    def identical_file_compactor() -> "FileCompactor":
        """Parts stay as they are; only their names change."""
        return FileCompactor(Compactor("identical"))

    @staticmethod
    def record_wise_file_compactor(file_format: FileFormat) -> "FileCompactor":
        """Read by this format, written by the sink's own: for formats that cannot be concatenated (not in PyFlink)."""
        return FileCompactor(Compactor("records", format=file_format))


class SinkBuilder:
    """Collects the settings that all file sinks have."""

    def __init__(self, sink: "FileSink") -> None:
        self._sink = sink

    def with_bucket_check_interval(self, interval: int) -> Self:
        """Kept for compatibility: parts are looked at with every batch and every checkpoint."""
        return self

    def with_bucket_assigner(self, bucket_assigner: BucketAssigner) -> Self:
        """Which folder a record goes to."""
        self._sink = replace(self._sink, bucket=bucket_assigner.assign)
        return self

    def with_output_file_config(self, output_file_config: OutputFileConfig) -> Self:
        """What parts are called."""
        config = output_file_config
        self._sink = replace(self._sink, part_prefix=config.part_prefix, part_suffix=config.part_suffix)
        return self

    def with_rolling_policy(self, rolling_policy: RollingPolicy) -> Self:
        """When parts end; those of a bulk format at every checkpoint too."""
        self._sink = replace(self._sink, rolling=rolling_policy.rolling)
        return self

    def enable_compact(self, strategy: FileCompactStrategy, compactor: FileCompactor) -> Self:
        """Make one file of many small parts; a part is visible once it was compacted."""
        compaction = Compaction(
            strategy.strategy, compactor.compactor, encode=self._sink.encoder, factory=self._sink.bulk
        )
        self._sink = replace(self._sink, compaction=compaction)
        return self

    def disable_compact(self) -> Self:
        """No compaction; parts that wait for it become visible as they are."""
        self._sink = replace(self._sink, compaction=None)
        return self

    def build(self) -> "FileSink":
        """The sink."""
        compaction = self._sink.compaction
        if compaction is not None and compaction.compactor.mode == "concat" and self._sink.bulk is not None:
            raise ValueError(
                "files of a bulk format cannot be concatenated: use FileCompactor.record_wise_file_compactor(format)"
            )
        return self._sink


class RowFormatBuilder(SinkBuilder):
    """Collects the settings of a row format's sink."""


class BulkFormatBuilder(SinkBuilder):
    """Collects the settings of a bulk format's sink."""


_RowBuilder = RowFormatBuilder
_BulkBuilder = BulkFormatBuilder


class FileSink(FileSinkDefinition, Sink, SupportsPreprocessing):
    """The file sink; made by `for_row_format` or `for_bulk_format`."""

    BaseBuilder: ClassVar[type] = SinkBuilder
    RowFormatBuilder: ClassVar[type] = _RowBuilder
    BulkFormatBuilder: ClassVar[type] = _BulkBuilder

    @staticmethod
    def for_row_format(base_path: str, encoder: Encoder) -> _RowBuilder:
        """Rows by this encoder under this folder, which is bucketed by the hour unless told otherwise."""
        rolling = RollingPolicy.default_rolling_policy().rolling
        return _RowBuilder(FileSink(base_path, encoder.encode, DateTimeBuckets(), rolling=rolling))

    @staticmethod
    def for_bulk_format(base_path: str, writer_factory: BulkWriterFactory) -> _BulkBuilder:
        """Files of this format under this folder, which is bucketed by the hour unless told otherwise."""
        if not isinstance(writer_factory, BulkWriterFactory):
            raise TypeError(
                f"{type(writer_factory).__name__} is no bulk format: use ParquetBulkWriters, AvroBulkWriters, "
                "CsvBulkWriters or OrcBulkWriters"
            )
        return _BulkBuilder(FileSink(base_path, None, DateTimeBuckets(), bulk=writer_factory))

    def get_transformer(self) -> StreamTransformer | None:
        """None: the sink takes the stream as it is."""
        return None

    def connector_sink(self) -> "FileSink":
        """What the sink operator runs: this."""
        return self


class StreamingFileSink(FileSink):
    """The file sink in PyFlink's old style, for `stream.add_sink`."""

    DefaultRowFormatBuilder: ClassVar[type] = RowFormatBuilder
    DefaultBulkFormatBuilder: ClassVar[type] = BulkFormatBuilder
