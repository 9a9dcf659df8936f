"""Whole jobs with connectors and formats in PyFlink's words: exact results, also with slots killed by -9."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from penstock.filesystems.registry import close_filesystems, open_filesystem
from tests.integration.test_kafka_jobs import RunningProgram
from tests.servers import S3Server
from tests.servers.process import wait_until

pytestmark = pytest.mark.integration
COUNT = 24_000


def test_csv_files_become_parquet_files(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for part in range(3):
        lines = [f'"name, {part}-{n}",{n % 40}' for n in range(1000)]
        (source / f"{part}.csv").write_text("name,age\n" + "\n".join(lines) + "\n")
    program = RunningProgram("csv_to_parquet", [str(source), str(target)], tmp_path, {})
    try:
        wait_until(program.is_over, "the job ends", 90)
    finally:
        program.close()
    shown = [path for path in target.rglob("*") if path.is_file() and not path.name.startswith(".")]
    found = [row for path in shown for row in pyarrow.parquet.read_table(path).to_pylist()]
    expected = [
        {"name": f"name, {part}-{n}", "age": n % 40} for part in range(3) for n in range(1000) if n % 40 >= 18
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("store", ["local", "s3"])
@pytest.mark.parametrize("is_compacted", ["plain", "compacted"])
def test_parts_that_stay_open_hold_each_line_once_although_slots_are_killed(
    store: str, is_compacted: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base, settings = (tmp_path / "out").as_uri(), {}
    if store == "s3":
        s3: S3Server = request.getfixturevalue("s3")
        base, settings = f"{s3.make_bucket(f'parts-{uuid.uuid4().hex[:8]}')}/out", dict(s3.configuration)
    checkpoints = (tmp_path / "checkpoints").as_uri()
    arguments = [base, checkpoints, str(COUNT), is_compacted, json.dumps(settings)]
    program = RunningProgram("open_parts", arguments, tmp_path, {})
    shown = visible(base, settings)
    kills = 0
    try:
        for share in (0.1, 0.4):
            wait_until(
                lambda share=share: program.is_over() or len(shown()) >= share * COUNT,  # type: ignore[misc]
                f"{share:.0%} of the output is visible",
                90,
            )
            kills += program.kill_a_slot()
        wait_until(program.is_over, "the job ends", 90)
    except AssertionError:
        print(program.log.read_text()[-4000:])
        raise
    finally:
        program.close()
    assert kills >= 1
    assert Counter(shown()) == Counter(f"line {number}" for number in range(COUNT))
    close_filesystems()


def visible(base: str, settings: dict[str, str]) -> Callable[[], list[str]]:
    """Reads every line that readers would see."""

    def read() -> list[str]:
        filesystem = open_filesystem(base, settings)
        paths = [one.path for one in filesystem.list(base) if "/." not in one.path]
        return [line for path in paths for line in filesystem.read(path).decode().splitlines()]

    return read
