"""The REST API tells how parallel a job was and how many records waited."""

from pathlib import Path

from penstock.jobmanager.clock import now_ms
from tests.rest.api_driver import JOB, VERTEX, Api, graph


def test_the_endpoint_has_points_with_parallelism_and_lag(tmp_path: Path) -> None:
    api = Api(tmp_path, **{"penstock.load-history.interval": "1 s"})
    try:
        assert api.submit(graph(3)).status_code == 202
        job = api.master.jobs[JOB].machine.job
        api.master.load.look({JOB: job}, now_ms())
        found = api.ask("GET", f"/penstock/jobs/{JOB}/load").json()
        assert found["interval"] == 1_000
        assert {key: found["points"][-1][key] for key in ("parallelism", "lag")} == {
            "parallelism": 3,
            "lag": None,
        }
        assert found["points"][-1]["status"] == job.status.value
        assert api.ask("GET", f"/v1/penstock/jobs/{JOB}/load").status_code == 200
        assert api.ask("GET", f"/penstock/jobs/{VERTEX}/load").status_code == 404
    finally:
        api.close()
