"""The file sink on local paths, and its bucket names."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from penstock.connectors.files.buckets import DateTimeBuckets
from tests.connectors.file_sink_promises import FileSinkPromises


def _hidden(base: str) -> list[Path]:
    return list(Path(base.removeprefix("file://")).rglob(".*.inprogress"))


class TestLocalFileSink(FileSinkPromises):
    @pytest.fixture
    def base(self, tmp_path: Path) -> str:
        return (tmp_path / "out").as_uri()

    @pytest.fixture
    def configuration(self) -> dict[str, str]:
        return {}

    def unfinished(self, base: str, configuration: Mapping[str, str]) -> int:
        return len(_hidden(base))

    def remove_unfinished(self, base: str, configuration: Mapping[str, str]) -> None:
        for path in _hidden(base):
            path.unlink()


def test_buckets_by_time_take_java_patterns() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d--\d\d", DateTimeBuckets()("record"))
    assert re.fullmatch(r"\d{4}/\d\d", DateTimeBuckets("yyyy/MM", "Europe/Paris")("record"))
    with pytest.raises(ValueError, match="letters other than"):
        DateTimeBuckets("yyyy-QQ")
