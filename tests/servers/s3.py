"""An S3 server: versitygw over a folder, so objects are plain files. Used by integration and end-to-end tests."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import boto3
import httpx
from botocore.config import Config

from tests.servers.install import go_program
from tests.servers.process import ServerProcess, free_port

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

VERSION = "v1.8.0"


class S3Server:
    """One server with one account; data lives as long as the object."""

    access_key = "penstock-test"
    secret_key = "penstock-test-secret"
    region = "us-east-1"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="penstock-s3-"))
        self._host = host
        self._port = free_port(host)
        self._process: ServerProcess | None = None

    @property
    def endpoint(self) -> str:
        """The URL for clients."""
        return f"http://{self._host}:{self._port}"

    @property
    def configuration(self) -> dict[str, str]:
        """Flink's configuration keys that reach this server."""
        return {
            "s3.endpoint": self.endpoint,
            "s3.path.style.access": "true",
            "s3.access-key": self.access_key,
            "s3.secret-key": self.secret_key,
            "s3.region": self.region,
        }

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process, "the S3 server is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until it answers."""
        binary = go_program("github.com/versity/versitygw/cmd/versitygw", VERSION)
        data, versions = self._folder / "data", self._folder / "versions"
        data.mkdir(exist_ok=True)
        versions.mkdir(exist_ok=True)
        self._process = ServerProcess(
            "versitygw",
            [
                *(str(binary), "--access", self.access_key, "--secret", self.secret_key),
                *("--region", self.region, "--port", f"{self._host}:{self._port}", "--health", "/health"),
                *("--quiet", "posix", "--versioning-dir", str(versions), str(data)),
            ],
            self._folder,
        )
        self._process.wait_ready(self._answers)
        return self

    def make_bucket(self, name: str) -> str:
        """Make a bucket; its URI."""
        client = self.client()
        try:
            client.create_bucket(Bucket=name)
        finally:
            client.close()
        return f"s3://{name}"

    def client(self) -> "S3Client":
        """A boto3 client with this server's account; the caller closes it."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
        )

    def stop(self) -> None:
        """Stop in order; objects stay."""
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Stop as a crash would; objects stay."""
        if self._process:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop and remove the data."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
