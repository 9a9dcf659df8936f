"""The admission webhook on the node, by the API server's own TLS: a wrong spec is refused at `kubectl apply`, with words."""

from __future__ import annotations

import json

import pytest

from e2e.job import Job
from e2e.waiting import eventually


def _refusal(job: Job, **change: str) -> str:
    """What `kubectl apply` is told of this configuration.

    A webhook that a strained machine keeps from answering in its five seconds lets things in, so it is asked again.
    """
    body = job.manifest()
    body["spec"]["flinkConfiguration"] |= change

    def said() -> str:
        done = job.kubectl.cluster.kubectl(
            *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"),
            text=json.dumps(body),
        )
        return done.stderr if done.returncode else ""

    return eventually("a refusal", said, seconds=30)


def test_a_wrong_spec_is_refused_at_apply_and_leaves_what_is_stored(job: Job) -> None:
    said = _refusal(job, **{"kubernetes.cluster-id": "mine"})
    assert 'admission webhook "validate.penstock.dev" denied the request' in said
    assert "kubernetes.cluster-id" in said
    job.apply({"state": "suspended"})
    with pytest.raises(RuntimeError, match=r"validate\.penstock\.dev.*kubernetes\.cluster-id"):
        job.apply(configuration={"kubernetes.cluster-id": "mine"})
    assert "kubernetes.cluster-id" not in job.resource()["spec"]["flinkConfiguration"]


def test_a_session_job_is_labelled_with_its_cluster_before_it_is_stored(job: Job) -> None:
    job.kubectl.apply(
        {
            "apiVersion": "flink.apache.org/v1beta1",
            "kind": "FlinkSessionJob",
            "metadata": {"name": "waiting", "namespace": job.namespace},
            "spec": {
                "deploymentName": "none-yet",
                "job": {"jarURI": "s3://nowhere/a.py", "parallelism": 1, "state": "suspended"},
            },
        }
    )
    stored = job.kubectl.get("flinksessionjob", "waiting", "-n", job.namespace) or {}
    assert stored["metadata"]["labels"]["target.session"] == "none-yet"
    job.kubectl.run("delete", "flinksessionjob", "waiting", "-n", job.namespace, "--timeout=180s")
