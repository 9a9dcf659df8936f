"""PyFlink's file connector. The classes live with the connector; programs import them from here."""

from penstock.connectors.files.api import Buckets as BucketAssigner
from penstock.connectors.files.api import (
    FileSink,
    FileSource,
    FileSourceBuilder,
    OutputFileConfig,
    RollingPolicy,
    StreamFormat,
)

DefaultRollingPolicy = OnCheckpointRollingPolicy = RollingPolicy
StreamingFileSink = FileSink

__all__ = [
    "BucketAssigner",
    "DefaultRollingPolicy",
    "FileSink",
    "FileSource",
    "FileSourceBuilder",
    "OnCheckpointRollingPolicy",
    "OutputFileConfig",
    "RollingPolicy",
    "StreamFormat",
    "StreamingFileSink",
]
