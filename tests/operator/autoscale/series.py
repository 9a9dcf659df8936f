"""Samples of jobs whose load is known, for the tests of the autoscaler."""

from collections.abc import Iterator

from penstock_operator.autoscale.signals import Graph, Input, Sample, ShipStrategy, Vertex, VertexSample


def two_vertices(parallelism: int = 2, *, partitions: int | None = None, since: float = 0.0) -> Graph:
    """A source and a keyed vertex, each with threads of their own."""
    source = Vertex("source", "Source: orders", parallelism, 128, partitions=partitions)
    keyed = Vertex("keyed", "count", parallelism, 128, (Input("source", ShipStrategy.HASH),))
    return Graph((source, keyed), since)


def steady(
    rate: float, busy: float, count: int, *, start: float = 0.0, every: float = 15.0, lag: float = 0.0,
    lag_growth: float = 0.0,
) -> Iterator[Sample]:  # fmt: skip
    """Samples of a job that reads `rate` records a second and is busy for `busy` of the time in its keyed vertex."""
    for turn in range(count):
        passed = turn * every
        read, waits = rate * passed, lag + lag_growth * passed
        vertices = {
            "source": VertexSample(read, read, busy / 4, 0.0, waits),
            "keyed": VertexSample(read, 0.0, busy),
        }
        yield Sample(start + passed, vertices)
