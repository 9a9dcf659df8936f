"""The S3 file system and the file sink and source on it, against a real server."""

import threading
import uuid
from collections.abc import Iterator, Mapping

import pytest

from penstock.connectors.files.source import file_source
from penstock.filesystems.errors import (
    BucketMissing,
    FileMissing,
    StorageAccessDenied,
    StorageUnavailable,
)
from penstock.filesystems.registry import close_filesystems
from penstock.filesystems.s3 import S3FileSystem, S3Settings
from tests.connectors.file_sink_promises import FileSinkPromises
from tests.connectors.reading import SourceRun
from tests.servers import S3Server
from tests.servers.process import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.make_bucket(f"bucket-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def files(s3: S3Server) -> Iterator[S3FileSystem]:
    filesystem = S3FileSystem(S3Settings.of(s3.configuration))
    yield filesystem
    filesystem.close()


def test_objects_are_written_read_listed_and_removed(files: S3FileSystem, bucket: str) -> None:
    path = f"{bucket}/a/b/object"
    files.write(path, b"0123456789")
    assert files.read(path) == b"0123456789"
    assert files.read_range(path, 3, 4) == b"3456"
    assert files.read_range(path, 8, 10) == b"89"
    assert files.read_range(path, 20, 10) == b""
    assert files.size(path) == 10
    assert files.size(f"{bucket}/a/b") is None
    files.write(f"{bucket}/a/bb", b"x")
    assert [status.path for status in files.list(f"{bucket}/a/b")] == [path]
    assert [status.path for status in files.list(bucket)] == [path, f"{bucket}/a/bb"]
    files.rename(f"{bucket}/a/bb", f"{bucket}/c")
    assert files.read(f"{bucket}/c") == b"x"
    files.delete(path)
    files.delete(path)
    files.delete_prefix(bucket)
    assert files.list(bucket) == []
    with pytest.raises(FileMissing, match="no such object"):
        files.read(path)


def test_only_one_of_many_racing_claims_wins(files: S3FileSystem, bucket: str) -> None:
    path = f"{bucket}/job/attempt-1"
    won = []

    def claim(number: int) -> None:
        if files.put_if_absent(path, str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read(path) == str(won[0]).encode()


def test_what_is_wrong_with_storage_is_named(s3: S3Server, files: S3FileSystem, bucket: str) -> None:
    with pytest.raises(BucketMissing, match="'no-such-bucket' does not exist"):
        files.write("s3://no-such-bucket/x", b"x")
    with pytest.raises(BucketMissing):
        files.size("s3://no-such-bucket/x")
    wrong = S3FileSystem(S3Settings.of({**s3.configuration, "s3.secret-key": "wrong"}))
    with pytest.raises(StorageAccessDenied, match="refused"):
        wrong.write(f"{bucket}/x", b"x")
    wrong.close()
    nowhere = S3FileSystem(
        S3Settings.of({**s3.configuration, "s3.endpoint": f"http://127.0.0.1:{free_port()}"})
    )
    with pytest.raises(StorageUnavailable):
        nowhere.read(f"{bucket}/x")
    nowhere.close()


class TestFileSinkOnS3(FileSinkPromises):
    @pytest.fixture
    def base(self, bucket: str) -> str:
        return f"{bucket}/out"

    @pytest.fixture
    def configuration(self, s3: S3Server) -> Iterator[dict[str, str]]:
        yield s3.configuration
        close_filesystems()

    def unfinished(self, base: str, configuration: Mapping[str, str]) -> int:
        filesystem = S3FileSystem(S3Settings.of(configuration))
        found = filesystem.list_uploads(base)
        filesystem.close()
        return len(found)

    def remove_unfinished(self, base: str, configuration: Mapping[str, str]) -> None:
        filesystem = S3FileSystem(S3Settings.of(configuration))
        for path, upload_id in filesystem.list_uploads(base):
            filesystem.abort_upload(path, upload_id)
        filesystem.close()


def test_a_large_part_is_uploaded_in_pieces_and_read_back(s3: S3Server, bucket: str) -> None:
    promises = TestFileSinkOnS3()
    from penstock.connectors.files.sink import FileSink
    from penstock.operators.contract import Batch

    base = f"{bucket}/large"
    writer, committer = promises.start(FileSink(base), s3.configuration)
    lines = [f"{number:08d}-{'x' * 1000}" for number in range(20_000)]
    for start in range(0, len(lines), 1000):
        writer.write(Batch(lines[start : start + 1000]))
    (prepared,) = writer.prepare_commit(1)
    assert len(prepared["parts"]) >= 2
    committer.commit([prepared])
    writer.close()
    run = SourceRun(file_source([base]), 2, configuration=s3.configuration, max_records=5000)
    assert sorted(line for part in run.run_to_end() for line in part) == lines
    run.close()
    close_filesystems()
