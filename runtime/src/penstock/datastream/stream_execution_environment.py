"""The environment of a program: its sources, what it ships, and `execute`, which builds the job graph and submits it.

Lives in the program's process only. Submission is `launch.submit`'s, a layer above, found by name when it is needed.
"""
# ruff: noqa: SLF001 - the streams of one package share their parts; programs see none of them

import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from penstock.common.configuration import Configuration
from penstock.common.job_client import JobClient, JobControl
from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.typeinfo import TypeInformation
from penstock.common.unsupported import NO_JVM, UnsupportedOperation
from penstock.common.watermark_strategy import WatermarkStrategy
from penstock.connectors.collection.source import collection_source
from penstock.connectors.definition import SourceDefinition
from penstock.datastream.data_stream import DataStream
from penstock.datastream.dependencies import Dependencies, check_executable
from penstock.datastream.environment_settings import EnvironmentSettings
from penstock.datastream.execution_plan import job_configuration, require_uids, since
from penstock.datastream.source_stream import SourceStream, declared_values
from penstock.graph.chaining import GraphDefaults, build_job_graph
from penstock.graph.jobgraph import JobGraph
from penstock.graph.plan import plan_json
from penstock.graph.program_module import ProgramLoaded, capture_program, is_loading_program
from penstock.graph.streamgraph import StreamGraph, Upstream
from penstock.operators.fused import fuse
from penstock.operators.watermarks import WatermarksFactory

CONFIGURATION_VARIABLE = "PENSTOCK_CONFIGURATION"
"""JSON of the cluster's configuration, given to a program's main by whoever starts it."""
SUBMIT_VARIABLE = "PENSTOCK_SUBMIT"
"""Set where main runs for a cluster, whose JobManager ships what its configuration names."""
DEFAULT_JOB_NAME = "Flink Streaming Job"


class _Submission(Protocol):
    def run(self, job_graph: JobGraph) -> JobExecutionResult: ...

    def start(self, job_graph: JobGraph) -> JobControl: ...


class StreamExecutionEnvironment(EnvironmentSettings):
    """Where a streaming program starts."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        super().__init__(Configuration.from_dict(json.loads(os.environ.get(CONFIGURATION_VARIABLE, "{}"))))
        if configuration is not None:
            self._configuration.add_all(configuration)
        self._graph = StreamGraph()
        self._executed = 0
        """How many of the graph's nodes belong to jobs that were submitted; a later job may read their streams again."""
        self._dependencies = Dependencies()

    @staticmethod
    def get_execution_environment(
        configuration: Configuration | None = None,
    ) -> "StreamExecutionEnvironment":
        """The environment of this process: the cluster's settings under the program's own."""
        return StreamExecutionEnvironment(configuration)

    # ------------------------------------------------------------------------------------- what the job ships

    def add_python_file(self, file_path: str) -> None:
        """Ship a module, a package, a folder of modules or a zip of them: importable in every slot, and here."""
        self._dependencies.files.append(file_path)
        found = Path(file_path).absolute()
        entry = str(found if found.is_dir() or found.suffix != ".py" else found.parent)
        if found.exists() and entry not in sys.path:
            sys.path.append(entry)

    def set_python_requirements(
        self, requirements_file_path: str, requirements_cache_dir: str | None = None
    ) -> None:
        """Install what a requirements file names, in every slot; from the packages of a folder alone if one is given."""
        self._dependencies.requirements = requirements_file_path
        self._dependencies.requirements_cache = requirements_cache_dir

    def add_python_archive(self, archive_path: str, target_dir: str | None = None) -> None:
        """Ship a zip or tar file: functions find it unpacked in their working directory, as `target_dir` or its own name."""
        self._dependencies.archives.append((archive_path, target_dir))

    def set_python_executable(self, python_exec: str) -> None:
        """Accepted where it is the interpreter that runs here; functions run in no other. Else UnsupportedOperation."""
        check_executable(python_exec)
        self._configuration.set_string("python.executable", python_exec)

    def register_cached_file(self, file_path: str, name: str, executable: bool = False) -> None:
        """Ship a file or folder; functions find it by `runtime_context.get_distributed_cache().get_file(name)`."""
        if name in self._dependencies.cached_files:
            raise ValueError(f"a cached file {name!r} is registered already: choose another name")
        self._dependencies.cached_files[name] = (file_path, executable)

    def add_jars(self, *jars_path: str) -> None:
        """Kept for compatibility: connectors need no jars here."""

    def add_classpaths(self, *classpaths: str) -> None:
        """Kept for compatibility: connectors need no jars here."""

    # ---------------------------------------------------------------------------------------------- sources

    def from_source(
        self,
        source: Any,
        watermark_strategy: WatermarkStrategy,
        source_name: str,
        type_info: TypeInformation | None = None,
    ) -> DataStream:
        """A stream of a source's records, with watermarks split by split."""
        kind = type_info or _produced_type(source)
        return self._source(source.definition(), watermark_strategy, source_name, kind)

    def add_source(
        self, source_func: Any, source_name: str = "Custom Source", type_info: TypeInformation | None = None
    ) -> DataStream:
        """A stream of the records of a source in the old style."""
        strategy = getattr(source_func, "watermark_strategy", None) or WatermarkStrategy.no_watermarks()
        kind = type_info or _produced_type(source_func)
        return self._source(source_func.definition(), strategy, source_name, kind)

    def create_input(self, input_format: Any, type_info: TypeInformation | None = None) -> DataStream:
        """A bounded stream of the records of an input format, where the format is one of Penstock's."""
        if not hasattr(input_format, "definition"):
            raise UnsupportedOperation(
                f"an input format of class {type(input_format).__name__}",
                NO_JVM,
                "Read the files by FileSource with from_source",
            )
        kind = type_info or _produced_type(input_format)
        strategy = WatermarkStrategy.no_watermarks()
        return self._source(input_format.definition(), strategy, "Custom File source", kind)

    def from_collection(
        self, collection: Sequence[Any], type_info: TypeInformation | None = None
    ) -> DataStream:
        """A bounded stream of these values."""
        stream = self._source(
            collection_source(declared_values(collection, type_info)),
            WatermarkStrategy.no_watermarks(),
            "Collection Source",
            type_info,
        )
        self._graph.nodes[stream._node.upstreams[0].node].is_single = True
        return stream

    def read_text_file(self, file_path: str, charset_name: str = "UTF-8") -> DataStream:
        """A bounded stream of the lines of a file or folder."""
        files: Any = importlib.import_module("penstock.datastream.connectors.file_system")
        lines = files.StreamFormat.text_line_format(charset_name)
        source = files.FileSource.for_record_stream_format(lines, file_path).build()
        return self.from_source(source, WatermarkStrategy.no_watermarks(), f"Read Text File: {file_path}")

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
        self._executed = len(self._graph.nodes)
        return result

    def execute_async(self, job_name: str = DEFAULT_JOB_NAME) -> JobClient:
        """Start the job and return a handle on it."""
        self._stop_if_loading()
        client = JobClient(self._submission().start(self.job_graph(job_name)))
        self._executed = len(self._graph.nodes)
        return client

    def get_execution_plan(self) -> str:
        """The plan as JSON."""
        return plan_json(self.job_graph(None))

    def job_graph(self, job_name: str | None) -> JobGraph:
        """The job graph of everything that was defined so far."""
        limit = self.get_max_parallelism()
        graph = since(self._graph, self._executed)
        name = job_name or self._configuration.get_string("pipeline.name", DEFAULT_JOB_NAME)
        if not self.get_config().has_auto_generated_uids_enabled():
            require_uids(graph)
        defaults = GraphDefaults(
            name=name,
            parallelism=self.get_parallelism(),
            max_parallelism=limit if limit > 0 else None,
            is_chaining_enabled=self.is_chaining_enabled(),
            configuration=job_configuration(self._configuration, graph),
            program_module=capture_program(self._dependencies.files, _python_path(), self._shipped()),
        )
        return build_job_graph(graph, defaults, fuse)

    def _shipped(self) -> bytes:
        """What the program asked for; without a cluster that does it, what the configuration names too."""
        is_local = SUBMIT_VARIABLE not in os.environ
        wanted = self._dependencies.with_configured(self._configuration) if is_local else self._dependencies
        return wanted.pack(self._configuration)

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


def _produced_type(source: Any) -> TypeInformation | None:
    """The type that a source says its records have; None if it says none."""
    produced = getattr(source, "get_produced_type", None)
    found = produced() if callable(produced) else None
    return found if isinstance(found, TypeInformation) else None


def _python_path() -> list[str]:
    """Folders that were added for this program, such as that of its requirements; slots look there too."""
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
