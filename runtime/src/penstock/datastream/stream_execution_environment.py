"""The environment of a program: its sources, its settings, and `execute`, which builds the job graph and submits it.

Lives in the program's process only. Submission is `launch.submit`'s, a layer above, found by name when it is needed.
"""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

import importlib
import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

from penstock.common.configuration import Configuration
from penstock.common.durations import format_duration_ms, parse_duration_ms
from penstock.common.execution_config import ExecutionConfig
from penstock.common.job_client import JobClient, JobControl
from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.restart_strategy import RestartStrategyConfiguration
from penstock.common.typeinfo import RowTypeInfo, TupleTypeInfo, TypeInformation
from penstock.common.types import Row
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.connectors.collection.source import collection_source
from penstock.connectors.definition import SourceDefinition
from penstock.datastream.checkpoint_config import CheckpointConfig
from penstock.datastream.checkpointing_mode import CheckpointingMode, RuntimeExecutionMode
from penstock.datastream.connectors.base import Source
from penstock.datastream.data_stream import DataStream
from penstock.graph.chaining import GraphDefaults, build_job_graph
from penstock.graph.jobgraph import JobGraph
from penstock.graph.plan import plan_json
from penstock.graph.program_module import ProgramLoaded, capture_program, is_loading_program
from penstock.graph.streamgraph import StreamGraph, Upstream
from penstock.operators.fused import fuse
from penstock.operators.watermarks import WatermarksFactory

CONFIGURATION_VARIABLE = "PENSTOCK_CONFIGURATION"
"""JSON of the cluster's configuration, given to a program's main by whoever starts it."""
DEFAULT_JOB_NAME = "Flink Streaming Job"


class _Submission(Protocol):
    def run(self, job_graph: JobGraph) -> JobExecutionResult: ...

    def start(self, job_graph: JobGraph) -> JobControl: ...


class StreamExecutionEnvironment:
    """Where a streaming program starts."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = Configuration.from_dict(
            json.loads(os.environ.get(CONFIGURATION_VARIABLE, "{}"))
        )
        if configuration is not None:
            self._configuration.add_all(configuration)
        self._graph = StreamGraph()
        self._files: list[str] = []

    @staticmethod
    def get_execution_environment(
        configuration: Configuration | None = None,
    ) -> "StreamExecutionEnvironment":
        """The environment of this process: the cluster's settings under the program's own."""
        return StreamExecutionEnvironment(configuration)

    # --------------------------------------------------------------------------------------------- settings

    def configure(self, configuration: Configuration) -> None:
        """Take these settings."""
        self._configuration.add_all(configuration)

    def get_config(self) -> ExecutionConfig:
        """The execution settings."""
        return ExecutionConfig(self._configuration)

    def get_checkpoint_config(self) -> CheckpointConfig:
        """The checkpoint settings."""
        return CheckpointConfig(self._configuration)

    def set_parallelism(self, parallelism: int) -> "StreamExecutionEnvironment":
        """Set the parallelism of operators that set none."""
        if parallelism < 1:
            raise ValueError(f"parallelism must be at least 1, not {parallelism}")
        self.get_config().set_parallelism(parallelism)
        return self

    def get_parallelism(self) -> int:
        """The parallelism of operators that set none: as configured, else the number of cores."""
        configured = self.get_config().get_parallelism()
        return configured if configured > 0 else (os.cpu_count() or 1)

    def set_max_parallelism(self, max_parallelism: int) -> "StreamExecutionEnvironment":
        """Set the number of key groups."""
        self.get_config().set_max_parallelism(max_parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """The number of key groups; -1 if it follows from the parallelism."""
        return self.get_config().get_max_parallelism()

    def set_runtime_mode(self, execution_mode: RuntimeExecutionMode) -> "StreamExecutionEnvironment":
        """Set streaming or batch."""
        self._configuration.set_string("execution.runtime-mode", execution_mode.value)
        return self

    def enable_checkpointing(
        self, interval: int, mode: CheckpointingMode | None = None
    ) -> "StreamExecutionEnvironment":
        """Take a checkpoint every so many milliseconds."""
        if interval < 10:
            raise ValueError(
                f"checkpoints every {interval} ms are too many: at least 10 ms must lie between them"
            )
        config = self.get_checkpoint_config().set_checkpoint_interval(interval)
        if mode is not None:
            config.set_checkpointing_mode(mode)
        return self

    def get_checkpoint_interval(self) -> int:
        """Milliseconds between checkpoints; -1 for none."""
        return self.get_checkpoint_config().get_checkpoint_interval()

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """Exactly or at least once."""
        return self.get_checkpoint_config().get_checkpointing_mode()

    def set_restart_strategy(self, configuration: RestartStrategyConfiguration) -> None:
        """Set what happens after a failure."""
        for key, value in configuration.keys.items():
            self._configuration.set_string(key, value)

    def set_buffer_timeout(self, timeout_millis: int) -> "StreamExecutionEnvironment":
        """Set how long a record may wait for its batch to fill."""
        self._configuration.set_string(
            "execution.buffer-timeout.interval", format_duration_ms(timeout_millis)
        )
        return self

    def get_buffer_timeout(self) -> int:
        """Milliseconds that a record may wait for its batch to fill."""
        text = self._configuration.get_string("execution.buffer-timeout.interval", "100 ms")
        return parse_duration_ms(text)

    def disable_operator_chaining(self) -> "StreamExecutionEnvironment":
        """Run every operator in a task of its own."""
        self._configuration.set_boolean("pipeline.operator-chaining.enabled", False)
        return self

    def is_chaining_enabled(self) -> bool:
        """Whether operators share tasks."""
        return self._configuration.get_boolean("pipeline.operator-chaining.enabled", True)

    def set_default_savepoint_directory(self, directory: str) -> "StreamExecutionEnvironment":
        """Set where savepoints go."""
        self._configuration.set_string("execution.checkpointing.savepoint-dir", directory)
        return self

    def add_python_file(self, file_path: str) -> None:
        """Ship a file or folder of modules that the program imports."""
        self._files.append(file_path)

    def add_jars(self, *jars_path: str) -> None:
        """Kept for compatibility: connectors need no jars here."""

    def add_classpaths(self, *classpaths: str) -> None:
        """Kept for compatibility: connectors need no jars here."""

    # ---------------------------------------------------------------------------------------------- sources

    def from_source(
        self,
        source: Source,
        watermark_strategy: WatermarkStrategy,
        source_name: str,
        type_info: TypeInformation | None = None,
    ) -> DataStream:
        """A stream of a source's records, with watermarks split by split."""
        return self._source(source.definition(), watermark_strategy, source_name, type_info)

    def add_source(
        self, source_func: Any, source_name: str = "Custom Source", type_info: TypeInformation | None = None
    ) -> DataStream:
        """A stream of the records of a source in the old style."""
        strategy = getattr(source_func, "watermark_strategy", None) or WatermarkStrategy.no_watermarks()
        return self._source(source_func.definition(), strategy, source_name, type_info)

    def from_collection(
        self, collection: Sequence[Any], type_info: TypeInformation | None = None
    ) -> DataStream:
        """A bounded stream of these values."""
        stream = self._source(
            collection_source(_declared(collection, type_info)),
            WatermarkStrategy.no_watermarks(),
            "Collection Source",
            type_info,
        )
        self._graph.nodes[stream._node.upstreams[0].node].is_single = True
        return stream

    def _source(
        self,
        definition: SourceDefinition,
        strategy: WatermarkStrategy,
        name: str,
        type_info: TypeInformation | None,
    ) -> DataStream:
        """The source node and, always chained to it, the operator of its timestamps and watermarks."""
        node = self._graph.add(f"Source: {name}", definition.create_reader, [])
        node.source = definition.spec()
        node.is_stateful = True
        watermarks = self._graph.add(
            "Timestamps/Watermarks", WatermarksFactory(strategy), [Upstream(node.id)]
        )
        watermarks.must_chain = True
        return SourceStream(self, watermarks, (Upstream(watermarks.id),), type_info).of(node)

    # --------------------------------------------------------------------------------------------- execution

    def execute(self, job_name: str | None = None) -> JobExecutionResult:
        """Run the job: on the cluster that started this program, else in a mini cluster until it ends."""
        self._stop_if_loading()
        result = self._submission().run(self.job_graph(job_name))
        self._graph = StreamGraph()
        return result

    def execute_async(self, job_name: str = DEFAULT_JOB_NAME) -> JobClient:
        """Start the job and return a handle on it."""
        self._stop_if_loading()
        client = JobClient(self._submission().start(self.job_graph(job_name)))
        self._graph = StreamGraph()
        return client

    def get_execution_plan(self) -> str:
        """The plan as JSON."""
        return plan_json(self.job_graph(None))

    def job_graph(self, job_name: str | None) -> JobGraph:
        """The job graph of everything that was defined so far."""
        limit = self.get_max_parallelism()
        name = job_name or self._configuration.get_string("pipeline.name", DEFAULT_JOB_NAME)
        defaults = GraphDefaults(
            name=name,
            parallelism=self.get_parallelism(),
            max_parallelism=limit if limit > 0 else None,
            is_chaining_enabled=self.is_chaining_enabled(),
            configuration=self._configuration.to_dict(),
            program_module=capture_program(self._files, _python_path()),
        )
        return build_job_graph(self._graph, defaults, fuse)

    def close(self) -> None:
        """Nothing to release."""

    @staticmethod
    def _stop_if_loading() -> None:
        if is_loading_program():
            raise ProgramLoaded

    @staticmethod
    def _submission() -> _Submission:
        found: _Submission = importlib.import_module("penstock.launch.submit")
        return found


def _declared(values: Sequence[Any], type_info: TypeInformation | None) -> list[Any]:
    """The values in their declared shape: rows where a row type is declared, tuples without nulls."""
    if isinstance(type_info, RowTypeInfo):
        return [_row(value, type_info) for value in values]
    if isinstance(type_info, TupleTypeInfo):
        for value in values:
            if any(field is None for field in value):
                raise ValueError(f"{value!r}: a tuple type has no nulls; declare a ROW type")
    return list(values)


def _row(value: Any, type_info: RowTypeInfo) -> Row:
    row = value if isinstance(value, Row) else Row(*value)
    if len(row) != len(type_info.field_types):
        raise ValueError(f"{value!r} has {len(row)} fields, its type has {len(type_info.field_types)}")
    row.set_field_names(type_info.field_names)
    return row


def _python_path() -> list[str]:
    """Folders that were added for this program, such as that of its requirements; slots look there too."""
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


class SourceStream(DataStream):
    """The stream of a source: its settings are the source's, its records come from behind the watermarks."""

    def of(self, source_node: Any) -> DataStream:
        """This stream with the settings of the source node."""
        self._settings = source_node
        return self

    def name(self, name: str) -> "SourceStream":
        """Name the source."""
        self._settings.name = f"Source: {name}"
        return self

    def uid(self, uid: str) -> "SourceStream":
        """Name the source's state, over versions of the program."""
        self._settings.uid = uid
        return self

    def set_uid_hash(self, uid_hash: str) -> "SourceStream":
        """Set the source's operator id."""
        self._settings.uid_hash = uid_hash
        return self

    def set_parallelism(self, parallelism: int) -> "SourceStream":
        """Set how many subtasks read."""
        if parallelism < 1 or (self._settings.is_single and parallelism != 1):
            raise ValueError(f"{self._settings.name!r} cannot have parallelism {parallelism}")
        self._settings.parallelism = parallelism
        return self

    def set_max_parallelism(self, max_parallelism: int) -> "SourceStream":
        """Set the number of key groups."""
        self._settings.max_parallelism = max_parallelism
        return self

    def slot_sharing_group(self, slot_sharing_group: object) -> "SourceStream":
        """Put the source into a group of slots."""
        self._settings.slot_sharing_group = str(getattr(slot_sharing_group, "name", slot_sharing_group))
        return self

    def get_name(self) -> str:
        """The source's name."""
        return str(self._settings.name)
