"""How parallel a job may be, over REST: GET and PUT /jobs/:id/resource-requirements. Bodies as Flink's.

A PUT is answered when it is accepted; the job changes its parallelism in place right after, as far as slots are there.
"""

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.jobmanager.requirements import Bounds
from penstock.rest.answers import answer, job_of, master_of


class _Parallelism(BaseModel):
    model_config = ConfigDict(extra="ignore")

    lower: int = Field(alias="lowerBound", default=1)
    upper: int = Field(alias="upperBound")


class _Vertex(BaseModel):
    model_config = ConfigDict(extra="ignore")

    parallelism: _Parallelism


_BODY: TypeAdapter[dict[str, _Vertex]] = TypeAdapter(dict[str, _Vertex])


async def show(request: Request) -> Response:
    """GET /jobs/:id/resource-requirements. Beyond Flink's: `isOwn` where the program itself says how parallel."""
    job = job_of(request)
    found: dict[str, dict[str, object]] = {}
    for vertex in job.graph.vertices:
        bounds = job.requirements[vertex.id]
        found[vertex.id] = {"parallelism": {"lowerBound": bounds.lower, "upperBound": bounds.upper}}
        if vertex.has_own_parallelism:
            found[vertex.id]["isOwn"] = True
    return answer(found)


async def change(request: Request) -> Response:
    """PUT /jobs/:id/resource-requirements; 400 names every vertex that cannot be so."""
    job = job_of(request)
    if job.status.is_terminal:
        raise HTTPException(409, f"Job {job.id} is {job.status}: its parallelism cannot change any more.")
    try:
        body = _BODY.validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(400, f"Request did not match expected format: {error}") from None
    wanted = {key: Bounds(its.parallelism.lower, its.parallelism.upper) for key, its in body.items()}
    try:
        master_of(request).require(job.id, wanted)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return answer({})


ROUTES = (
    Route("/jobs/{job}/resource-requirements", show),
    Route("/jobs/{job}/resource-requirements", change, methods=["PUT"]),
)
