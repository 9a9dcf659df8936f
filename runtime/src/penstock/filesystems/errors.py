"""What a file system may raise. Raised by the implementations, caught by checkpoint storage and connectors.

FileSystemError
├── FileMissing            there is no such object (also a FileNotFoundError)
├── UnknownScheme          no implementation for the URI's scheme
├── BadPath                the URI itself is wrong
├── BucketMissing          the bucket is not there
├── StorageAccessDenied    credentials are missing, wrong or too weak
└── StorageUnavailable     no answer, or one that says "later"
"""

from typing import ClassVar


class FileSystemError(OSError):
    """Something about storage failed; `retryable` says whether trying again may help."""

    retryable: ClassVar[bool] = False


class FileMissing(FileSystemError, FileNotFoundError):
    """There is no such object."""


class UnknownScheme(FileSystemError):
    """No installed file system serves this URI's scheme."""


class BadPath(FileSystemError):
    """The path is not a usable URI for this file system."""


class BucketMissing(FileSystemError):
    """The bucket named by the path does not exist at the endpoint."""


class StorageAccessDenied(FileSystemError):
    """The store refused our credentials for this operation."""


class StorageUnavailable(FileSystemError):
    """The store did not answer, or asked to be called again later."""

    retryable: ClassVar[bool] = True
