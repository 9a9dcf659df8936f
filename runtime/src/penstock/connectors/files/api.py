"""PyFlink's file source and sink classes. Re-exported by `penstock.datastream.connectors.file_system`; open no file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from penstock.common.serialization import Encoder
from penstock.connectors.definition import SourceDefinition
from penstock.connectors.files.buckets import BasePath, BucketAssigner, DateTimeBuckets
from penstock.connectors.files.sink import DEFAULT_PART_BYTES
from penstock.connectors.files.sink import FileSink as FileSinkDefinition
from penstock.connectors.files.source import file_source
from penstock.formats.lines import JsonLines, LineDecoder, TextLines


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a file becomes records."""

    decode: LineDecoder

    @staticmethod
    def text_line_format(charset_name: str = "UTF-8") -> "StreamFormat":
        """Lines of text."""
        return StreamFormat(TextLines(charset_name))

    @staticmethod
    def json_line_format() -> "StreamFormat":
        """Lines of JSON (not in PyFlink)."""
        return StreamFormat(JsonLines())


@dataclass(frozen=True, slots=True)
class FileSource:
    """The file source; made by `FileSource.for_record_stream_format`."""

    format: StreamFormat
    paths: tuple[str, ...]
    interval_seconds: float | None = None

    @staticmethod
    def for_record_stream_format(stream_format: StreamFormat, *paths: str) -> "FileSourceBuilder":
        """Read these files and folders."""
        return FileSourceBuilder(FileSource(stream_format, paths))

    def definition(self) -> SourceDefinition:
        """What the graph takes."""
        return file_source(self.paths, self.format.decode, self.interval_seconds)


class FileSourceBuilder:
    """Collects the settings of a `FileSource`."""

    def __init__(self, source: FileSource) -> None:
        if not source.paths:
            raise ValueError("the file source has no paths: name at least one file or folder")
        self._source = source

    def monitor_continuously(self, discovery_interval: Any) -> Self:
        """Never end: look for new files at this interval (a Duration, timedelta, or seconds)."""
        self._source = replace(self._source, interval_seconds=_seconds(discovery_interval))
        return self

    def process_static_file_set(self) -> Self:
        """End when the files of the start are read; the default."""
        self._source = replace(self._source, interval_seconds=None)
        return self

    def build(self) -> FileSource:
        """The source."""
        return self._source


@dataclass(frozen=True, slots=True)
class RollingPolicy:
    """When a part file ends, beside at every checkpoint."""

    part_size: int = DEFAULT_PART_BYTES

    @staticmethod
    def default_rolling_policy(
        part_size: int = DEFAULT_PART_BYTES,
        rollover_interval: int = 60_000,
        inactivity_interval: int = 60_000,
    ) -> "RollingPolicy":
        """By size and checkpoint; a checkpoint comes before the two intervals would matter."""
        return RollingPolicy(part_size)

    @staticmethod
    def on_checkpoint_rolling_policy() -> "RollingPolicy":
        """At checkpoints only."""
        return RollingPolicy(1 << 62)


@dataclass(frozen=True, slots=True)
class OutputFileConfig:
    """What stands before and after the number in a part's name."""

    part_prefix: str = "part"
    part_suffix: str = ""

    @staticmethod
    def builder() -> "OutputFileConfigBuilder":
        """A new builder."""
        return OutputFileConfigBuilder()

    def get_part_prefix(self) -> str:
        """The prefix."""
        return self.part_prefix

    def get_part_suffix(self) -> str:
        """The suffix."""
        return self.part_suffix


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

    def build(self) -> OutputFileConfig:
        """The configuration."""
        return self._config


@dataclass(frozen=True, slots=True)
class Buckets:
    """Which folder a record goes to (PyFlink's `BucketAssigner`)."""

    assign: BucketAssigner

    @staticmethod
    def base_path_bucket_assigner() -> "Buckets":
        """No folders."""
        return Buckets(BasePath())

    @staticmethod
    def date_time_bucket_assigner(
        format_str: str = "yyyy-MM-dd--HH", timezone_id: str | None = None
    ) -> "Buckets":
        """A folder by the time of writing."""
        return Buckets(DateTimeBuckets(format_str, timezone_id))


class FileSink(FileSinkDefinition):
    """The file sink; made by `FileSink.for_row_format`."""

    @staticmethod
    def for_row_format(base_path: str, encoder: Encoder) -> "RowFormatBuilder":
        """Rows by this encoder under this folder, which is bucketed by the hour unless told otherwise."""
        return RowFormatBuilder(base_path, encoder.encode)

    def connector_sink(self) -> "FileSink":
        """What the sink operator runs: this."""
        return self


class RowFormatBuilder:
    """Collects the settings of a `FileSink`."""

    def __init__(self, base_path: str, encode: Callable[[Any], bytes]) -> None:
        self._sink = FileSink(base_path, encode, DateTimeBuckets())

    def with_bucket_check_interval(self, interval: int) -> Self:
        """Parts end at checkpoints: nothing to check in between."""
        return self

    def with_bucket_assigner(self, bucket_assigner: Buckets) -> Self:
        """Which folder a record goes to."""
        self._sink = replace(self._sink, bucket=bucket_assigner.assign)
        return self

    def with_output_file_config(self, output_file_config: OutputFileConfig) -> Self:
        """What parts are called."""
        config = output_file_config
        self._sink = replace(self._sink, part_prefix=config.part_prefix, part_suffix=config.part_suffix)
        return self

    def with_rolling_policy(self, rolling_policy: RollingPolicy) -> Self:
        """When parts end."""
        self._sink = replace(self._sink, part_bytes=rolling_policy.part_size)
        return self

    def build(self) -> FileSink:
        """The sink."""
        return self._sink


def _seconds(interval: Any) -> float:
    for name, scale in (("total_seconds", 1.0), ("to_milliseconds", 0.001), ("to_millis", 0.001)):
        convert = getattr(interval, name, None)
        if convert is not None:
            return float(convert()) * scale
    return float(interval)
