"""The `s3` scheme (also `s3a`, `s3p`): Amazon S3 and what speaks its protocol.

Opened by `registry.open_filesystem`. Settings are Flink's: `s3.endpoint`, `s3.path.style.access`,
`s3.access-key`, `s3.secret-key`, `s3.region`; without keys the usual chain of environment, profile and
instance role applies. Beyond the port it offers the multipart calls that the file sink commits with. It never
stores credentials anywhere.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from penstock.filesystems.errors import (
    BadPath,
    BucketMissing,
    FileMissing,
    FileSystemError,
    StorageAccessDenied,
    StorageUnavailable,
)
from penstock.filesystems.port import FileStatus

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

Collected = list[tuple[str, str]]
SCHEMES = ("s3", "s3a", "s3p")
_DENIED = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "403",
    "ExpiredToken",
    "InvalidToken",
}
_MISSING = {"NoSuchKey", "404", "NotFound", "NoSuchUpload"}
_LATER = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "500", "503"}
_creation = threading.Lock()  # boto3 sessions load their data files in a way that is not safe across threads


@dataclass(frozen=True, slots=True)
class S3Settings:
    """How to reach the store. Empty values mean the library's own chain."""

    endpoint: str | None = None
    path_style: bool = False
    access_key: str | None = None
    secret_key: str | None = None
    region: str | None = None

    @staticmethod
    def of(config: Mapping[str, str]) -> "S3Settings":
        """The settings that Flink's configuration keys give, in both of their spellings."""

        def first(*keys: str) -> str | None:
            return next((str(config[key]) for key in keys if config.get(key)), None)

        endpoint = first("s3.endpoint")
        if endpoint and "://" not in endpoint:
            endpoint = f"https://{endpoint}"
        return S3Settings(
            endpoint=endpoint,
            path_style=str(first("s3.path.style.access", "s3.path-style-access") or "").lower() == "true",
            access_key=first("s3.access-key", "s3.access.key", "fs.s3a.access.key"),
            secret_key=first("s3.secret-key", "s3.secret.key", "fs.s3a.secret.key"),
            region=first("s3.region", "s3.endpoint.region"),
        )


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part of a multipart upload, as completing it needs it."""

    number: int
    etag: str


class S3FileSystem:
    """Objects in buckets."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._client = _open_client(settings)

    @property
    def scheme(self) -> str:
        """`s3`."""
        return "s3"

    def read(self, path: str) -> bytes:
        """The whole object."""
        bucket, key = split_s3(path)
        with _mapped(path):
            answer = self._client.get_object(Bucket=bucket, Key=key)
            with answer["Body"] as body:
                return _whole(body.read(), answer["ContentLength"])

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """A ranged read; past the end it is empty."""
        if length <= 0:
            return b""
        bucket, key = split_s3(path)
        with _mapped(path):
            try:
                answer = self._client.get_object(
                    Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}"
                )
            except ClientError as error:
                if _code(error) in ("InvalidRange", "416"):
                    return b""
                raise
            with answer["Body"] as body:
                return _whole(body.read(), answer["ContentLength"])

    def write(self, path: str, data: bytes) -> None:
        """One put, which S3 makes atomic."""
        bucket, key = split_s3(path)
        with _mapped(path):
            self._client.put_object(Bucket=bucket, Key=key, Body=data)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """A put with `If-None-Match: *`."""
        bucket, key = split_s3(path)
        with _mapped(path):
            for _ in range(10):
                try:
                    self._client.put_object(Bucket=bucket, Key=key, Body=data, IfNoneMatch="*")
                except ClientError as error:
                    if _code(error) in ("PreconditionFailed", "412"):
                        return False
                    if _code(error) in ("ConditionalRequestConflict", "409"):
                        continue  # another conditional put was under way: ask again who won
                    raise
                return True
        raise StorageUnavailable(f"{path}: conditional puts keep conflicting; try again")

    def size(self, path: str) -> int | None:
        """The object's size by a head request."""
        bucket, key = split_s3(path)
        with _mapped(path):
            try:
                return int(self._client.head_object(Bucket=bucket, Key=key)["ContentLength"])
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise
                self._require_bucket(bucket)
                return None

    def list(self, prefix: str) -> list[FileStatus]:
        """Every object whose key begins with the folder's name and a slash."""
        bucket, folder = split_s3(prefix, folder=True)
        scheme = prefix.split("://", 1)[0]
        found: list[FileStatus] = []
        with _mapped(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
                _ = page["IsTruncated"]  # an answer cut short lacks it, and must not read as an empty folder
                for item in page.get("Contents", []):
                    if item["Key"].endswith("/"):
                        continue  # folder markers of other tools
                    modified = int(item["LastModified"].timestamp() * 1000)
                    found.append(FileStatus(f"{scheme}://{bucket}/{item['Key']}", item["Size"], modified))
        return sorted(found, key=lambda status: status.path)

    def delete(self, path: str) -> None:
        """One delete, which S3 makes idempotent."""
        bucket, key = split_s3(path)
        with _mapped(path):
            try:
                self._client.delete_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise

    def delete_prefix(self, prefix: str) -> None:
        """Delete everything listed, a thousand keys a request."""
        bucket, _ = split_s3(prefix, folder=True)
        keys = [split_s3(status.path)[1] for status in self.list(prefix)]
        with _mapped(prefix):
            for start in range(0, len(keys), 1000):
                batch = [{"Key": key} for key in keys[start : start + 1000]]
                answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})  # type: ignore[typeddict-item]
                for failed in answer.get("Errors", []):
                    raise FileSystemError(f"s3://{bucket}/{failed.get('Key')}: {failed.get('Message')}")

    def rename(self, source: str, target: str) -> None:
        """Copy within the store, then delete the source: not atomic, but the target is whole or absent."""
        from_bucket, from_key = split_s3(source)
        bucket, key = split_s3(target)
        with _mapped(source):
            self._client.copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)
            self._client.delete_object(Bucket=from_bucket, Key=from_key)

    def start_upload(self, path: str) -> str:
        """Begin a multipart upload; its id. Nothing is visible until it is completed."""
        bucket, key = split_s3(path)
        with _mapped(path):
            return self._client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]

    def upload_part(self, path: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
        """Store part `number` (from 1); all but the last must be 5 MiB or more."""
        bucket, key = split_s3(path)
        with _mapped(path):
            answer = self._client.upload_part(
                Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data
            )
            return UploadedPart(number, answer["ETag"])

    def complete_upload(self, path: str, upload_id: str, parts: Iterable[UploadedPart]) -> None:
        """Make the object visible in one step; `FileMissing` if the upload is gone (completed or aborted)."""
        bucket, key = split_s3(path)
        with _mapped(path):
            self._client.complete_multipart_upload(
                Bucket=bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": p.number, "ETag": p.etag} for p in parts]},
            )

    def abort_upload(self, path: str, upload_id: str) -> None:
        """Drop an upload and its parts; nothing happens if it is gone."""
        bucket, key = split_s3(path)
        with _mapped(path):
            try:
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise

    def list_uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Path and id of every unfinished upload under the folder `prefix`."""
        bucket, folder = split_s3(prefix, folder=True)
        scheme = prefix.split("://", 1)[0]
        found: Collected = []
        with _mapped(prefix):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Prefix=folder
            ):
                found.extend(
                    (f"{scheme}://{bucket}/{upload['Key']}", upload["UploadId"])
                    for upload in page.get("Uploads", [])
                )
        return found

    def close(self) -> None:
        """Close the connection pool."""
        self._client.close()

    def _require_bucket(self, bucket: str) -> None:
        self._client.head_bucket(Bucket=bucket)


def open_s3(config: Mapping[str, str]) -> S3FileSystem:
    """The file system that these configuration keys describe (entry for the registry)."""
    return S3FileSystem(S3Settings.of(config))


def split_s3(uri: str, folder: bool = False) -> tuple[str, str]:
    """Bucket and key of an S3 URI; for a folder the key ends in a slash unless it is the bucket's root."""
    parts = urlsplit(uri)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise BadPath(f"{uri!r} is not an S3 URI: write s3://bucket/key")
    key = uri.split("://", 1)[1].partition("/")[2].lstrip("/")
    if folder:
        return parts.netloc, f"{key.rstrip('/')}/" if key.strip("/") else ""
    if not key:
        raise BadPath(f"{uri!r} names a bucket, not an object in it")
    return parts.netloc, key


def _open_client(settings: S3Settings) -> "S3Client":
    with _creation:
        session = boto3.session.Session(
            aws_access_key_id=settings.access_key, aws_secret_access_key=settings.secret_key
        )
        client = session.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region or session.region_name or "us-east-1",
            config=Config(
                signature_version="s3v4",
                retries={"mode": "standard", "max_attempts": 4},
                connect_timeout=5,
                read_timeout=60,
                max_pool_connections=16,
                s3={"addressing_style": "path" if settings.path_style else "auto"},
                # Many stores that speak S3 know no trailing checksums; the signature covers the body anyway.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        client.meta.events.register_last("before-call.s3", _without_expect)
        return client


def _without_expect(params: Mapping[str, Any], **_: object) -> None:
    """No `Expect: 100-continue`: botocore waits without end for an answer to it that broke off (and each put is a round trip less)."""
    params["headers"].pop("Expect", None)


def _whole(data: bytes, length: int) -> bytes:
    """`data`, if it is as long as the store said."""
    if len(data) != length:
        raise _CutShort(f"{len(data)} of {length} bytes came")
    return data


class _CutShort(Exception):
    """An answer of the store is not whole."""


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _mapped(path: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _as_our_error(path, error) from error
    except BotoCoreError as error:
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            raise StorageAccessDenied(
                f"{path}: no credentials; set s3.access-key and s3.secret-key, or AWS_ACCESS_KEY_ID"
            ) from error
        raise StorageUnavailable(f"{path}: {error}") from error
    except (KeyError, ResponseParserError, HTTPError, _CutShort) as error:
        # Headers or a body that broke off parse as an answer in which something is missing.
        raise StorageUnavailable(f"{path}: the store's answer was cut short ({error})") from error


def _as_our_error(path: str, error: ClientError) -> FileSystemError:
    code = _code(error)
    message = error.response.get("Error", {}).get("Message", "")
    if code == "NoSuchBucket" or (code in _MISSING and error.operation_name == "HeadBucket"):
        return BucketMissing(
            f"{path}: the bucket {split_s3(path, folder=True)[0]!r} does not exist; make it first"
        )
    if code in _MISSING:
        return FileMissing(f"no such object: {path} ({code})")
    if code in _DENIED:
        return StorageAccessDenied(
            f"{path}: refused ({code} {message}); check the credentials and their rights"
        )
    if code in _LATER:
        return StorageUnavailable(f"{path}: the store answered {code} {message}")
    return FileSystemError(f"{path}: {error}")
