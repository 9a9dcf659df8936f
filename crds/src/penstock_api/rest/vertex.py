"""Bodies about one vertex: /jobs/:id/vertices/:v with its subtasks, times, TaskManagers, backpressure, flame graph.

Served by the JobManager, read by the web page, Flink's dashboard and the autoscaler.
"""

from typing import Any

from pydantic import Field

from penstock_api.rest.job import NOT_ENDED, IoMetrics
from penstock_api.rest.model import CamelModel, HyphenModel, Number, RestModel


class Spread(RestModel):
    """Spread of one figure over subtasks."""

    min: int = 0
    max: int = 0
    avg: int = 0
    sum: int = 0
    median: int = 0
    p25: int = 0
    p75: int = 0
    p95: int = 0


class Aggregated(HyphenModel):
    """Spread of every figure, by its name."""

    metrics: dict[str, Spread] = Field(default_factory=dict)
    status_duration: dict[str, Spread] = Field(default_factory=dict)


class SubtaskDetails(HyphenModel):
    """One subtask: an element of the vertex, and GET …/subtasks/:i (and its attempts)."""

    subtask: int
    status: str
    attempt: int = 0
    endpoint: str = ""
    start_time: int = NOT_ENDED
    end_time: int = NOT_ENDED
    duration: int = 0
    metrics: IoMetrics = Field(default_factory=IoMetrics)
    taskmanager_id: str = ""
    status_duration: dict[str, int] = Field(default_factory=dict)
    start_time_again: int = Field(default=NOT_ENDED, alias="start_time")
    """Flink spells it twice."""
    other_concurrent_attempts: list["SubtaskDetails"] | None = None


class VertexDetails(RestModel):
    """GET /jobs/:id/vertices/:v."""

    id: str
    name: str
    parallelism: int
    max_parallelism: int = Field(alias="maxParallelism")
    now: int
    subtasks: list[SubtaskDetails] = Field(default_factory=list)
    aggregated: Aggregated = Field(default_factory=Aggregated)


class SubtaskTimes(RestModel):
    """When one subtask entered its states; 0 for never."""

    subtask: int
    endpoint: str = ""
    duration: int = 0
    timestamps: dict[str, int] = Field(default_factory=dict)


class VertexTimes(RestModel):
    """GET …/subtasktimes."""

    id: str
    name: str
    now: int
    subtasks: list[SubtaskTimes] = Field(default_factory=list)


class VertexTaskManager(HyphenModel):
    """A vertex's subtasks on one TaskManager."""

    endpoint: str = ""
    status: str
    start_time: int = NOT_ENDED
    end_time: int = NOT_ENDED
    duration: int = 0
    metrics: IoMetrics = Field(default_factory=IoMetrics)
    status_counts: dict[str, int] = Field(default_factory=dict)
    taskmanager_id: str = ""
    aggregated: Aggregated = Field(default_factory=Aggregated)


class VertexTaskManagers(RestModel):
    """GET …/taskmanagers."""

    id: str
    name: str
    now: int
    taskmanagers: list[VertexTaskManager] = Field(default_factory=list)


class SubtaskBackPressure(CamelModel):
    """How one subtask spends its time, as shares; Flink spells the level twice."""

    subtask: int
    backpressure_level: str
    ratio: Number = 0.0
    idle_ratio: Number = 0.0
    busy_ratio: Number = 0.0
    backpressure_level_again: str = Field(default="", alias="backpressure-level")


class VertexBackPressure(HyphenModel):
    """GET …/backpressure; levels are ok, low and high, the status is ok or deprecated."""

    status: str = "ok"
    backpressure_level: str = "ok"
    backpressure_level_camel: str = Field(default="ok", alias="backpressureLevel")
    end_timestamp: int = 0
    subtasks: list[SubtaskBackPressure] = Field(default_factory=list)


class SubtaskAccumulators(HyphenModel):
    """Accumulators of one subtask."""

    subtask: int
    attempt: int = 0
    endpoint: str = ""
    user_accumulators: list[Any] = Field(default_factory=list)


class VertexSubtaskAccumulators(RestModel):
    """GET …/subtasks/accumulators."""

    id: str
    parallelism: int
    subtasks: list[SubtaskAccumulators] = Field(default_factory=list)


class FlameGraph(CamelModel):
    """GET …/flamegraph; an `end_timestamp` of -2 says that there is none."""

    end_timestamp: int = -2
    data: dict[str, Any] | None = None
