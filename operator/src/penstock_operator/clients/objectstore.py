"""Where jobs keep their state: local folders and S3, by URI. Read, and object by object deleted (`disposal.py` alone).

Used by `observe/checkpoints.py` and `disposal.py`. Paths are URIs as Flink writes them (`s3://bucket/key`, `file:///path`, `file:/path`,
`/path`). A store that cannot be reached, or a bucket that is not there, is `StorageUnavailable`; a missing object is
None.
"""

import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from penstock_api.reasons import Reason
from penstock_operator.errors import ExternalError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

S3_SCHEMES = ("s3", "s3a", "s3p", "s3n")
_MISSING = {"NoSuchKey", "404", "NotFound"}
_creation = threading.Lock()  # boto3 sessions load their data files in a way that is not safe across threads


class StorageUnavailable(ExternalError):
    """The storage cannot be read: the bucket, its endpoint or the credentials."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.CHECKPOINT_STORAGE_UNAVAILABLE, message)


class ObjectStore(Protocol):
    """What reading snapshots needs."""

    def read(self, uri: str) -> bytes | None:
        """The object's content; None if there is none."""

    def size(self, uri: str) -> int | None:
        """The object's size; None if there is none."""

    def folders(self, uri: str) -> list[str]:
        """URIs of the folders directly in this folder; empty if it is not there."""

    def delete(self, uri: str) -> None:
        """Delete this one object, and its folder if that is empty then; gone already is well."""

    def check(self, uri: str) -> None:
        """Raise `StorageUnavailable` unless this folder can hold objects (its bucket is there and may be read)."""

    def close(self) -> None:
        """Give connections back."""


class Stores:
    """The stores of one look at a job's state, each opened once. `keys` are Flink's (`s3.endpoint`, ...)."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._opened: dict[str, ObjectStore] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for store in self._opened.values():
            store.close()

    def of(self, uri: str) -> ObjectStore:
        """The store of this URI."""
        scheme = urlsplit(uri).scheme
        if scheme not in self._opened:
            self._opened[scheme] = self._open(uri, scheme)
        return self._opened[scheme]

    def _open(self, uri: str, scheme: str) -> ObjectStore:
        if scheme in S3_SCHEMES:
            return S3Store(self._keys)
        if scheme in ("", "file"):
            return LocalStore()
        raise StorageUnavailable(f"{uri}: the scheme {scheme!r} is not supported: use s3:// or file://")


class LocalStore:
    """Folders of this machine."""

    def read(self, uri: str) -> bytes | None:
        """The file's content."""
        try:
            return _local(uri).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def size(self, uri: str) -> int | None:
        """The file's size."""
        try:
            return _local(uri).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def folders(self, uri: str) -> list[str]:
        """The folders in it."""
        try:
            return [f"{uri.rstrip('/')}/{entry.name}" for entry in _local(uri).iterdir() if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def delete(self, uri: str) -> None:
        """The file, and its folder where nothing else is in it."""
        path = _local(uri)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error
        with contextlib.suppress(OSError):  # not empty, or gone
            path.parent.rmdir()

    def check(self, uri: str) -> None:
        """The folder is there or can be made."""
        try:
            _local(uri).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def close(self) -> None:
        """Nothing is held."""


class S3Store:
    """S3, with Flink's settings."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        # Half a second and 40 MB: only for those whose state is on S3.
        import boto3
        from botocore.config import Config

        by_path = keys.get("s3.path.style.access", keys.get("s3.path-style-access")) == "true"
        config = Config(
            s3={"addressing_style": "path" if by_path else "auto"},
            connect_timeout=3,
            read_timeout=10,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        with _creation:
            self._client: S3Client = boto3.client(
                "s3",
                endpoint_url=keys.get("s3.endpoint") or None,
                aws_access_key_id=keys.get("s3.access-key") or keys.get("s3.access.key") or None,
                aws_secret_access_key=keys.get("s3.secret-key") or keys.get("s3.secret.key") or None,
                region_name=keys.get("s3.region") or keys.get("s3.endpoint.region") or "us-east-1",
                config=config,
            )

    def read(self, uri: str) -> bytes | None:
        """The object's content."""
        bucket, key = _s3(uri)
        try:
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            _raise_unless_missing(uri, error)
            return None
        except BotoCoreError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def size(self, uri: str) -> int | None:
        """The object's size."""
        bucket, key = _s3(uri)
        try:
            return self._client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        except ClientError as error:
            _raise_unless_missing(uri, error)
            return None
        except BotoCoreError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def folders(self, uri: str) -> list[str]:
        """The common prefixes below it."""
        bucket, key = _s3(uri)
        prefix = f"{key.rstrip('/')}/" if key else ""
        scheme = urlsplit(uri).scheme
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, Delimiter="/"
            )
            found: list[str] = []
            for page in pages:
                _ = page["IsTruncated"]  # an answer cut short lacks it, and must not read as an empty folder
                names = (common["Prefix"].rstrip("/") for common in page.get("CommonPrefixes", []))
                found.extend(f"{scheme}://{bucket}/{name}" for name in names)
            return found
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(f"{uri}: {error}") from error
        except (KeyError, ResponseParserError) as error:
            raise StorageUnavailable(f"{uri}: the store's answer was cut short ({error})") from error

    def delete(self, uri: str) -> None:
        """The object; a bucket has no folders to be left."""
        bucket, key = _s3(uri)
        try:
            self._client.delete_object(Bucket=bucket, Key=key)
        except ClientError as error:
            _raise_unless_missing(uri, error)
        except BotoCoreError as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def check(self, uri: str) -> None:
        """The bucket is there."""
        bucket, _ = _s3(uri)
        try:
            self._client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        except (ClientError, BotoCoreError) as error:
            raise StorageUnavailable(f"{uri}: {error}") from error

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def _raise_unless_missing(uri: str, error: ClientError) -> None:
    if error.response.get("Error", {}).get("Code", "") not in _MISSING:
        raise StorageUnavailable(f"{uri}: {error}") from error


def _local(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(parts.path if parts.scheme == "file" else uri)


def _s3(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
