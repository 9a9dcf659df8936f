"""The S3 server of the session, as tests look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from e2e.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def s3_client(environment: Environment) -> S3Client:
    """Return an S3 client with the session's account; the caller closes it."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=environment.s3_endpoint,
        aws_access_key_id=environment.s3_access_key,
        aws_secret_access_key=environment.s3_secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )


def make_bucket(environment: Environment, name: str) -> str:
    """Make a bucket; returns its URI."""
    client = s3_client(environment)
    try:
        client.create_bucket(Bucket=name)
    finally:
        client.close()
    return f"s3://{name}"


def newest_checkpoint(environment: Environment, bucket: str) -> int:
    """Return the number of the newest completed checkpoint in a test's bucket, 0 if there is none yet.

    Storage is the truth: the resource's status tells of a new one at most once a minute.
    """
    found = list_uris(environment, f"{bucket}/checkpoints/")
    folders = [uri.rsplit("/", 2)[1] for uri in found if uri.endswith("/_metadata")]
    return max(
        (int(folder.removeprefix("chk-")) for folder in folders if folder.startswith("chk-")), default=0
    )


def put(environment: Environment, uri: str, content: bytes) -> None:
    """Write an object."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = s3_client(environment)
    try:
        client.put_object(Bucket=bucket, Key=key, Body=content)
    finally:
        client.close()


def list_uris(environment: Environment, prefix: str) -> list[str]:
    """Return the URIs of all objects under a prefix."""
    bucket, _, key = prefix.removeprefix("s3://").partition("/")
    client = s3_client(environment)
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", [])]
    finally:
        client.close()
