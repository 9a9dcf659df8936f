"""Files as source and sink, in PyFlink's place."""

from penstock.connectors.files.api import Buckets as BucketAssigner
from penstock.connectors.files.api import (
    FileSink,
    FileSource,
    FileSourceBuilder,
    OutputFileConfig,
    OutputFileConfigBuilder,
    RollingPolicy,
    RowFormatBuilder,
    StreamFormat,
)
from penstock.connectors.files.api import FileSink as StreamingFileSink
from penstock.connectors.files.api import RollingPolicy as DefaultRollingPolicy
from penstock.connectors.files.api import RollingPolicy as OnCheckpointRollingPolicy

__all__ = [
    "BucketAssigner",
    "DefaultRollingPolicy",
    "FileSink",
    "FileSource",
    "FileSourceBuilder",
    "OnCheckpointRollingPolicy",
    "OutputFileConfig",
    "OutputFileConfigBuilder",
    "RollingPolicy",
    "RowFormatBuilder",
    "StreamFormat",
    "StreamingFileSink",
]
