"""One sample of a job's metrics over Flink's REST API, and its graph. Called by `reconcile/autoscaling.py`.

The same metrics are read of the bundled runtime and of Flink (facts §5.2). A vertex that has ended is left out. Raises
`JobManagerSilent` or `RequestRefused` where the JobManager does not answer; None where it does not know the job.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from penstock_api.rest.job import JobDetails, JobVertex, PlanNode
from penstock_api.rest.metric import AggregatedMetric
from penstock_operator.autoscale.options import BusyTimeAggregator
from penstock_operator.autoscale.signals import (
    Graph,
    Input,
    MemorySample,
    Sample,
    ShipStrategy,
    Vertex,
    VertexSample,
)
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused

_BUSY, _PRESSED = "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"
_READ, _PENDING = ".numRecordsIn", ".pendingRecords"
_SOURCES = ("Source__", "Source: ")
"""How metrics of a source's operator begin: as Flink escapes its name, and as the bundled runtime writes it."""
_MEMORY = (
    "Status.JVM.Memory.Heap.Used",
    "Status.JVM.Memory.Heap.Max",
    "Status.JVM.Memory.NonHeap.Used",
    "Status.JVM.GarbageCollector.All.TimeMsPerSecond",
)
_PARTITION = re.compile(r"\.topic\.(.+)\.partition\.(\d+)\.currentOffset$")
_ENDED = ("FINISHED", "CANCELED", "FAILED")


def collect(
    rest: FlinkRest, job_id: str, aggregator: BusyTimeAggregator, *, slots_share_a_thread: bool
) -> tuple[Graph, Sample] | None:
    """The graph and its metrics now."""
    job = rest.job(job_id)
    if job is None or job.plan is None:
        return None
    alive = {vertex.id: vertex for vertex in job.vertices if vertex.status not in _ENDED}
    nodes = _ordered([node for node in job.plan.nodes if node.id in alive])
    vertices: list[Vertex] = []
    samples: dict[str, VertexSample] = {}
    for node in nodes:
        found = alive[node.id]
        inputs = tuple(
            Input(one.id, _strategy(one.ship_strategy)) for one in node.inputs or () if one.id in alive
        )
        names = rest.vertex_metric_names(job_id, node.id)
        wanted = _wanted(names, is_source=not node.inputs)
        values = rest.vertex_metrics(job_id, node.id, wanted) if wanted else {}
        vertices.append(_vertex(found, inputs, names))
        samples[node.id] = _sample(found, values, aggregator, is_source=not node.inputs)
    graph = Graph(tuple(vertices), _running_since(job), _pause(job), slots_share_a_thread)
    return graph, Sample(job.now / 1000.0, samples, _memory(rest))


def _memory(rest: FlinkRest) -> MemorySample:
    """Of the fullest TaskManager; empty where that cannot be had, for decisions do without it."""
    try:
        found = rest.task_manager_metrics(_MEMORY)
        managers = len(rest.task_managers().taskmanagers)
    except (JobManagerSilent, RequestRefused):
        return MemorySample()
    most = {name: max(0.0, float(found[name].max or 0.0)) if name in found else 0.0 for name in _MEMORY}
    heap, limit, other, collecting = (most[name] for name in _MEMORY)
    share = min(1.0, heap / limit) if limit > 0 else 0.0
    return MemorySample(share, min(1.0, collecting / 1000.0), heap + other, managers)


def _ordered(nodes: Sequence[PlanNode]) -> list[PlanNode]:
    by_id = {node.id: node for node in nodes}
    sorter = TopologicalSorter(
        {node.id: [one.id for one in node.inputs or () if one.id in by_id] for node in nodes}
    )
    return [by_id[one] for one in sorter.static_order()]


def _strategy(text: str) -> ShipStrategy:
    return ShipStrategy(text) if text in ShipStrategy.__members__ else ShipStrategy.OTHER


def _vertex(found: JobVertex, inputs: tuple[Input, ...], names: Sequence[str]) -> Vertex:
    partitions = {match.groups() for name in names if (match := _PARTITION.search(name))}
    return Vertex(
        found.id,
        found.name,
        found.parallelism,
        found.max_parallelism,
        inputs,
        found.slot_sharing_group_id,
        len(partitions) or None,
    )


def _wanted(names: Sequence[str], *, is_source: bool) -> list[str]:
    """Which of the vertex's metrics are read."""
    found = [name for name in (_BUSY, _PRESSED) if name in names]
    if is_source:
        found += [*_source_counters(names), *(name for name in names if name.endswith(_PENDING))]
    return found


def _source_counters(names: Iterable[str]) -> list[str]:
    """Of the source operators themselves, whose names may have points; not those of groups within them."""
    ends = [name.removesuffix(_READ) for name in names if name.startswith(_SOURCES) and name.endswith(_READ)]
    return [f"{one}{_READ}" for one in ends if not any(one.startswith(f"{other}.") for other in ends)]


def _sample(
    found: JobVertex,
    values: Mapping[str, AggregatedMetric],
    aggregator: BusyTimeAggregator,
    *,
    is_source: bool,
) -> VertexSample:
    read = float(found.metrics.read_records)
    if is_source:
        counted = [_sum(values, name) for name in _source_counters(values)]
        read = max([*counted, read]) or float(found.metrics.write_records)
    pending = [max(0.0, _sum(values, name)) for name in values if name.endswith(_PENDING)]
    return VertexSample(
        records_in=read,
        records_out=float(found.metrics.write_records),
        busy=_share(values.get(_BUSY), aggregator),
        backpressured=_share(values.get(_PRESSED), BusyTimeAggregator.MAX),
        lag=sum(pending) if pending else None,
    )


def _sum(values: Mapping[str, AggregatedMetric], name: str) -> float:
    found = values[name].sum
    return float(found) if found is not None and math.isfinite(float(found)) else 0.0


def _share(metric: AggregatedMetric | None, aggregator: BusyTimeAggregator) -> float:
    """Milliseconds a second as a share; NaN where nobody says (a source that blocks in its reader, in Flink)."""
    if metric is None:
        return math.nan
    found = {"MAX": metric.max, "MIN": metric.min, "AVG": metric.avg}[aggregator.value]
    return float(found) / 1000.0 if found is not None else math.nan


def _running_since(job: JobDetails) -> float:
    return (job.timestamps.get("RUNNING") or job.start_time) / 1000.0


def _pause(job: JobDetails) -> float | None:
    stopped, running = job.timestamps.get("RESTARTING") or 0, job.timestamps.get("RUNNING") or 0
    return (running - stopped) / 1000.0 if 0 < stopped < running else None
