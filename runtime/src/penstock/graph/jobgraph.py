"""The job graph: chained vertices and the edges between them, as a program's main submits it to the JobManager.

Pure data. Made by `graph.chaining`, sent as JSON over REST, kept by the JobManager (which never opens a `bytes` field:
they are cloudpickled by the program and opened only in a slot), shown by the plan endpoint and the web page.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Partitioner(StrEnum):
    """How an edge spreads records over the subtasks of its target; names as Flink's plan shows them."""

    FORWARD = "FORWARD"
    REBALANCE = "REBALANCE"
    RESCALE = "RESCALE"
    SHUFFLE = "SHUFFLE"
    BROADCAST = "BROADCAST"
    GLOBAL = "GLOBAL"
    HASH = "HASH"
    CUSTOM = "CUSTOM"


class Boundedness(StrEnum):
    """Whether a source ends by itself."""

    BOUNDED = "BOUNDED"
    CONTINUOUS_UNBOUNDED = "CONTINUOUS_UNBOUNDED"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class SourceSpec(_Model):
    """A source as the JobManager sees it: enough to make its enumerator without loading any user code."""

    connector: str
    """Name of the connector (entry point group `penstock.connectors`)."""
    options: dict[str, Any] = {}
    """JSON options of the enumerator."""
    boundedness: Boundedness


class OperatorSpec(_Model):
    """One operator of a chain.

    `upstream` is the index of the operator in this vertex that feeds it, None for the head. `side_output` names the side
    output of `upstream` that it reads, None for the main output. `factory` is a cloudpickled zero-argument callable that
    returns an `operators.contract.Operator`, or for a source head a `connectors.contract.SourceReader`.
    """

    uid: str
    operator_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    name: str
    factory: bytes
    upstream: int | None = None
    side_output: str | None = None
    is_stateful: bool = False
    is_two_phase: bool = False
    """A sink that commits when a checkpoint is complete: a bounded job ends with a final checkpoint for it."""
    key_selector: bytes | None = None
    """Cloudpickled `record -> key` of the stream this operator reads, for a keyed operator's state and timers."""
    declared: dict[str, bytes] = {}
    """Pickled TypeInformation by side output (`""`: the main one), where results must take their declared shape."""


class VertexSpec(_Model):
    """A chain that runs as one task per subtask. `id` is 32 hex digits, the operator id of its head."""

    id: str
    name: str
    parallelism: int = Field(ge=1)
    max_parallelism: int = Field(ge=1, le=32768)
    operators: list[OperatorSpec]
    source: SourceSpec | None = None
    slot_sharing_group: str = "default"
    has_own_parallelism: bool = False
    """The program says how parallel it is; a job that gets another default parallelism leaves it so."""


class EdgeSpec(_Model):
    """Records from one operator of a vertex to input `target_input` (0 or 1) of another vertex's head.

    For HASH the key is `key_selector(record)`; a two-input head may have a different selector on each input, so the
    selector stands here too. For CUSTOM, `partition_function` is a cloudpickled `(key, n) -> channel`.
    """

    id: str
    source_vertex: str
    source_operator: int
    side_output: str | None = None
    target_vertex: str
    target_input: int = 0
    partitioner: Partitioner
    key_selector: bytes | None = None
    partition_function: bytes | None = None


class JobGraph(_Model):
    """What is submitted. `configuration` holds Flink keys as strings, the program's own settings laid over the cluster's."""

    name: str
    vertices: list[VertexSpec]
    """In topological order."""
    edges: list[EdgeSpec]
    configuration: dict[str, str] = {}
    program_module: bytes | None = None
    """Opaque to the JobManager: how a slot loads the program's module under its stable name (Decision 7)."""

    def vertex(self, vertex_id: str) -> VertexSpec:
        """The vertex of that id; KeyError if there is none."""
        for vertex in self.vertices:
            if vertex.id == vertex_id:
                return vertex
        raise KeyError(vertex_id)
