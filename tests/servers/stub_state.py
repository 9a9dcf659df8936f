"""State of stub jobs: real `_metadata` with one real object, in a local folder or on S3, so that restores are real.

What a stub job counts is how often it was snapshotted. A start that restores less than was ever stored has lost state.
Used by `stub_jobmanager.py` only.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from penstock_api.manifest import (
    METADATA_FILE,
    CheckpointMetadata,
    OperatorState,
    SnapshotKind,
    StateObject,
    SubtaskState,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_OBJECT = "counter.json"


@dataclass(frozen=True, slots=True)
class Counted:
    """The state of a job: what it counted, and where its source stands if it tells."""

    count: int
    enumerator: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """One snapshot as it was stored."""

    path: str
    checkpoint_id: int
    count: int
    is_savepoint: bool
    trigger_timestamp: int
    size: int


class StubStorage:
    """Reads and writes snapshots by URI."""

    def __init__(self, s3: "Callable[[], S3Client] | None" = None) -> None:
        self._make_s3 = s3
        self._s3: S3Client | None = None

    def close(self) -> None:
        """Give connections back."""
        if self._s3 is not None:
            self._s3.close()

    def store(
        self, path: str, job: tuple[str, str], checkpoint_id: int, counted: Counted, *, is_savepoint: bool
    ) -> Stored:
        """Write a snapshot of a job (id and name): the object first, `_metadata` last."""
        content = json.dumps({"count": counted.count}).encode()
        self._write(f"{path}/{_OBJECT}", content)
        now = int(time.time() * 1000)
        subtask = SubtaskState(index=0, operator=[StateObject(path=_OBJECT, size=len(content))])
        metadata = CheckpointMetadata(
            kind=SnapshotKind.SAVEPOINT if is_savepoint else SnapshotKind.CHECKPOINT,
            job_id=job[0],
            job_name=job[1],
            checkpoint_id=checkpoint_id,
            attempt=1,
            trigger_timestamp=now,
            completed_timestamp=now,
            python_version="3.11",
            penstock_version="0.1.0",
            operators=[
                OperatorState(
                    uid="counter",
                    operator_id="f" * 32,  # its vertex has the id of its head
                    name="counter",
                    parallelism=1,
                    max_parallelism=128,
                    subtasks=[subtask],
                    enumerator=counted.enumerator,
                )
            ],
        )
        self._write(f"{path}/{METADATA_FILE}", metadata.model_dump_json().encode())
        return Stored(path, checkpoint_id, counted.count, is_savepoint, now, len(content))

    def load(self, path: str) -> tuple[int, int] | None:
        """Checkpoint id and count of a snapshot; None if it is not whole."""
        content, counter = self._read(f"{path}/{METADATA_FILE}"), self._read(f"{path}/{_OBJECT}")
        if content is None or counter is None:
            return None
        return CheckpointMetadata.model_validate_json(content).checkpoint_id, int(
            json.loads(counter)["count"]
        )

    def newest_checkpoint(self, folder: str) -> str | None:
        """The newest complete checkpoint below a job's folder."""
        numbers = sorted(
            (int(name[4:]) for name in self._names(folder) if name.startswith("chk-") and name[4:].isdigit()),
            reverse=True,
        )
        paths = (f"{folder}/chk-{number}" for number in numbers)
        return next((path for path in paths if self.load(path) is not None), None)

    def _write(self, uri: str, content: bytes) -> None:
        if _is_s3(uri):
            bucket, key = _split(uri)
            self._client().put_object(Bucket=bucket, Key=key, Body=content)
            return
        file = _local(uri)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def _read(self, uri: str) -> bytes | None:
        if not _is_s3(uri):
            file = _local(uri)
            return file.read_bytes() if file.is_file() else None
        bucket, key = _split(uri)
        client = self._client()
        try:
            return client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None

    def _names(self, folder: str) -> list[str]:
        if not _is_s3(folder):
            found = _local(folder)
            return [entry.name for entry in found.iterdir()] if found.is_dir() else []
        bucket, key = _split(folder)
        answer = self._client().list_objects_v2(Bucket=bucket, Prefix=f"{key}/", Delimiter="/")
        return [each["Prefix"].rstrip("/").rpartition("/")[2] for each in answer.get("CommonPrefixes", [])]

    def _client(self) -> "S3Client":
        if self._s3 is None:
            assert self._make_s3, "a job keeps its state on S3: give the stub an S3 client"
            self._s3 = self._make_s3()
        return self._s3


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3")


def _local(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(parts.path if parts.scheme == "file" else uri)


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
