"""GET /penstock/jobs/:job/sources: where a job's sources read, for whoever measures their lag. Ours, not Flink's.

What a connector tells of itself; it names Secrets and never holds what is in them. Asks nobody.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.connectors.registry import ConnectorMissing, enumerator_factory
from penstock.graph.jobgraph import SourceSpec, VertexSpec
from penstock.rest.answers import answer, job_of
from penstock_api.rest.source import JobSources, SourceDescription


async def sources(request: Request) -> Response:
    """Every source of the job."""
    found = [
        described(vertex, vertex.source)
        for vertex in job_of(request).graph.vertices
        if vertex.source is not None
    ]
    return answer(JobSources(sources=found).model_dump(mode="json"))


def described(vertex: VertexSpec, source: SourceSpec) -> SourceDescription:
    """One source; without a place where its connector tells none."""
    head = vertex.operators[0]
    return SourceDescription(
        vertex_id=vertex.id,
        operator_id=head.operator_id,
        uid=head.uid,
        name=head.name,
        connector=source.connector,
        place=_place(source),
    )


def _place(source: SourceSpec) -> dict[str, Any]:
    try:
        describe = getattr(enumerator_factory(source.connector), "describe", None)
    except ConnectorMissing:
        return {}
    return dict(describe(source.options)) if describe is not None else {}


ROUTES = (Route("/penstock/jobs/{job}/sources", sources),)
