"""An S3 server: versitygw over a folder, so objects are plain files. Used by integration and end-to-end tests."""

from typing import TYPE_CHECKING

import boto3
import httpx
from botocore.config import Config

from tests.servers.install import go_program
from tests.servers.process import ServerProcess
from tests.servers.server import LocalServer

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

VERSION = "v1.8.0"


class S3Server(LocalServer):
    """One server with one account; data lives as long as the object."""

    name = "versitygw"
    access_key = "penstock-test"
    secret_key = "penstock-test-secret"
    region = "us-east-1"

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

    def launch(self) -> ServerProcess:
        """Start the gateway over a folder."""
        binary = go_program("github.com/versity/versitygw/cmd/versitygw", VERSION)
        data, versions = self._folder / "data", self._folder / "versions"
        data.mkdir(exist_ok=True)
        versions.mkdir(exist_ok=True)
        return ServerProcess(
            self.name,
            [
                *(str(binary), "--access", self.access_key, "--secret", self.secret_key),
                *("--region", self.region, "--port", f"{self._host}:{self._port}", "--health", "/health"),
                *("--quiet", "posix", "--versioning-dir", str(versions), str(data)),
            ],
            self._folder,
        )

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

    def answers(self) -> bool:
        """Whether it says that it is well."""
        try:
            return httpx.get(f"{self.endpoint}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
