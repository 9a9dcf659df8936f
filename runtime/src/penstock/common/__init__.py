"""Types shared by every part of the public API: rows, types, times, schemas, configuration, job handles."""

import importlib
from typing import Any

from penstock.common.completable_future import CompletableFuture
from penstock.common.config_options import ConfigOption, ConfigOptions
from penstock.common.configuration import Configuration
from penstock.common.execution_config import ExecutionConfig
from penstock.common.input_dependency_constraint import InputDependencyConstraint
from penstock.common.job_client import JobClient
from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.job_id import JobID
from penstock.common.job_status import JobStatus
from penstock.common.restart_strategy import RestartStrategies, RestartStrategyConfiguration
from penstock.common.serialization import (
    ByteArraySchema,
    DeserializationSchema,
    Encoder,
    SerializationSchema,
    SimpleStringSchema,
)
from penstock.common.serializer import TypeSerializer
from penstock.common.time import Duration, Instant, Time
from penstock.common.typeinfo import TypeInformation, Types
from penstock.common.types import Row, RowKind
from penstock.common.unsupported import UnsupportedOperation
from penstock.common.watermark_strategy import (
    AssignerWithPeriodicWatermarksWrapper,
    TimestampAssigner,
    WatermarkStrategy,
)

__all__ = [
    "AssignerWithPeriodicWatermarksWrapper",
    "ByteArraySchema",
    "CompletableFuture",
    "ConfigOption",
    "ConfigOptions",
    "Configuration",
    "DeserializationSchema",
    "Duration",
    "Encoder",
    "ExecutionConfig",
    "InputDependencyConstraint",
    "Instant",
    "JobClient",
    "JobExecutionResult",
    "JobID",
    "JobStatus",
    "RestartStrategies",
    "RestartStrategyConfiguration",
    "Row",
    "RowKind",
    "SerializationSchema",
    "SimpleStringSchema",
    "Time",
    "TimestampAssigner",
    "TypeInformation",
    "TypeSerializer",
    "Types",
    "UnsupportedOperation",
    "WatermarkStrategy",
]

_ROW_SCHEMAS = {
    f"{name}Row{direction}Schema": f"penstock.datastream.formats.{name.lower()}"
    for name in ("Json", "Csv", "Avro")
    for direction in ("Deserialization", "Serialization")
}
"""Schemas that older programs import from here; loaded when asked for."""


def __getattr__(name: str) -> Any:
    """A row schema by its name alone, as PyFlink has them here too."""
    if name in _ROW_SCHEMAS:
        return getattr(importlib.import_module(_ROW_SCHEMAS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
