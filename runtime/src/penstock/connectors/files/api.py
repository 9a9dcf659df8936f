"""PyFlink's file source classes. Re-exported by `penstock.datastream.connectors.file_system`; open no file."""

from dataclasses import dataclass, replace
from typing import Any, Self

from penstock.connectors.definition import SourceDefinition
from penstock.connectors.files.source import DEFAULT_SPLIT_BYTES, FileSourceSettings
from penstock.connectors.public import Source
from penstock.formats.files import BulkFormat, FileFormat, StreamFormat


@dataclass(frozen=True, slots=True)
class FileEnumeratorProvider:
    """How folders become splits. `split_bytes` None: a file is read by one subtask."""

    split_bytes: int | None = None

    @staticmethod
    def default_splittable_file_enumerator() -> "FileEnumeratorProvider":
        """Large files of a format that allows it are read in ranges, by several subtasks."""
        return FileEnumeratorProvider(DEFAULT_SPLIT_BYTES)

    @staticmethod
    def default_non_splittable_file_enumerator() -> "FileEnumeratorProvider":
        """One file, one subtask; the default."""
        return FileEnumeratorProvider()


@dataclass(frozen=True, slots=True)
class FileSplitAssignerProvider:
    """Who reads which split."""

    @staticmethod
    def locality_aware_split_assigner() -> "FileSplitAssignerProvider":
        """First come, first served: stores are equally far from every subtask."""
        return FileSplitAssignerProvider()


class FileSource(Source):
    """The file source; made by `for_record_stream_format` or `for_bulk_file_format`."""

    def __init__(self, settings: FileSourceSettings) -> None:
        self.settings = settings

    @staticmethod
    def for_record_stream_format(stream_format: StreamFormat, *paths: str) -> "FileSourceBuilder":
        """Read these files and folders, record by record."""
        return FileSourceBuilder(_required_format(stream_format), paths)

    @staticmethod
    def for_bulk_file_format(bulk_format: BulkFormat, *paths: str) -> "FileSourceBuilder":
        """Read these files and folders, block by block."""
        return FileSourceBuilder(_required_format(bulk_format), paths)

    def definition(self) -> SourceDefinition:
        """What the graph takes."""
        return self.settings.definition()


class FileSourceBuilder:
    """Collects the settings of a `FileSource`."""

    def __init__(self, form: FileFormat, paths: tuple[str, ...]) -> None:
        if not paths:
            raise ValueError("the file source has no paths: name at least one file or folder")
        self._settings = FileSourceSettings(paths, form)

    def monitor_continuously(self, discovery_interval: Any) -> Self:
        """Never end: look for new files at this interval (a Duration, timedelta, or seconds)."""
        self._settings = replace(self._settings, monitor_interval_seconds=_seconds(discovery_interval))
        return self

    def process_static_file_set(self) -> Self:
        """End when the files of the start are read; the default."""
        self._settings = replace(self._settings, monitor_interval_seconds=None)
        return self

    def set_file_enumerator(self, file_enumerator: FileEnumeratorProvider) -> Self:
        """How folders become splits."""
        self._settings = replace(self._settings, split_bytes=file_enumerator.split_bytes)
        return self

    def set_split_assigner(self, split_assigner: FileSplitAssignerProvider) -> Self:
        """Who reads which split; there is one way."""
        return self

    def build(self) -> FileSource:
        """The source."""
        return FileSource(self._settings)


def _required_format(form: Any) -> FileFormat:
    if not isinstance(form, StreamFormat | BulkFormat):
        raise TypeError(
            f"{type(form).__name__} is not a file format: use StreamFormat.text_line_format(), CsvReaderFormat, "
            "ParquetColumnarRowInputFormat and their like"
        )
    return form


def _seconds(interval: Any) -> float:
    for name, scale in (("total_seconds", 1.0), ("to_milliseconds", 0.001), ("to_millis", 0.001)):
        convert = getattr(interval, name, None)
        if convert is not None:
            return float(convert()) * scale
    return float(interval)
