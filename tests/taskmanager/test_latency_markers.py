"""Latency markers go from sources to the last operators of a job, and a task's last figures come before its end."""

from pathlib import Path

import pytest

from penstock.control.messages import TaskMetrics, TaskState, TaskStateChanged
from penstock.exchange.elements import LatencyMarker
from penstock.taskmanager.latency import LatencyHistogram, LatencyTracking, percentile
from tests.taskmanager.slot_processes import Slots
from tests.taskmanager.small_job import expected, graph, written


def test_sinks_know_how_long_records_of_each_source_are_under_way(tmp_path: Path) -> None:
    gate = tmp_path / "go"
    (tmp_path / "out").mkdir()
    vertices, edges = graph(tmp_path / "out", hold=gate)
    source, sink = vertices[0].operators[0].operator_id, vertices[-1].operators[-1].operator_id
    wanted = f"latency.source_id.{source}.operator_id.{sink}.operator_subtask_index."

    def found() -> dict[str, float]:
        values = [event.values for event in slots.of(TaskMetrics)]
        return {k: v for reported in values for k, v in reported.items() if k.startswith(wanted)}

    with Slots(2) as slots:
        slots.deploy(vertices, edges, configuration={"metrics.latency.interval": "20 ms"})
        slots.give(vertices[0], [{"id": "p", "next": 0, "end": 1000}])
        slots.wait("latencies at the sink", lambda: bool(found()))
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
    assert {name.rsplit("_", 1)[1] for name in found()} >= {"count", "min", "max", "mean", "median", "p99"}
    assert all(0 <= value < 40_000 for value in found().values())
    assert written(tmp_path / "out") == expected(1000)


def test_no_marker_travels_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    vertices, edges = graph(tmp_path / "out")
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], [{"id": "p", "next": 0, "end": 1000}])
        slots.wait_state(TaskState.FINISHED)
        assert not [k for event in slots.of(TaskMetrics) for k in event.values if k.startswith("latency.")]


def test_last_figures_of_a_short_task_come_before_its_end(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    vertices, edges = graph(tmp_path / "out")
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], [{"id": "p", "next": 0, "end": 1234}])
        slots.wait_state(TaskState.FINISHED)
        events = [event for _, event in slots.events]
    for vertex in vertices:
        ends = [
            place
            for place, event in enumerate(events)
            if isinstance(event, TaskStateChanged)
            and event.state is TaskState.FINISHED
            and event.subtask.vertex_id == vertex.id
        ]
        reports = [
            event.values
            for event in events[: ends[0]]
            if isinstance(event, TaskMetrics) and event.subtask.vertex_id == vertex.id
        ]
        assert reports
    last: dict[int, float] = {}
    for event in events:
        if isinstance(event, TaskMetrics) and event.subtask.vertex_id == vertices[1].id:
            last[event.subtask.index] = event.values["numRecordsIn"]
    assert sum(last.values()) == 1234


@pytest.mark.parametrize(
    ("granularity", "name"),
    [
        ("single", "latency.operator_id.op.operator_subtask_index.3.latency"),
        ("operator", "latency.source_id.src.operator_id.op.operator_subtask_index.3.latency"),
        (
            "subtask",
            "latency.source_id.src.source_subtask_index.1.operator_id.op.operator_subtask_index.3.latency",
        ),
        ("nonsense", "latency.source_id.src.operator_id.op.operator_subtask_index.3.latency"),
    ],
)
def test_granularity_says_what_is_told_apart(granularity: str, name: str) -> None:
    tracking = LatencyTracking({"metrics.latency.granularity": granularity}, 3, ())
    tracking.passed(LatencyMarker(0, "src", 1), ["op"])
    assert f"{name}_max" in tracking.collect()


def test_histogram_keeps_the_newest_values_and_counts_all() -> None:
    histogram = LatencyHistogram(4)
    for value in (1000.0, 1.0, 2.0, 3.0, 4.0):
        histogram.update(value)
    found = histogram.statistics()
    assert (found["count"], found["max"], found["median"]) == (5, 4, 2.5)
    assert percentile([7.0], 0.99) == 7.0
