"""Whether the API server would take what a changed spec leads to: asked by a dry run before a job that runs is stopped.

Called by the Kubernetes platform. Changes nothing. What validation cannot know (pod templates, admission by others) is
thus a refusal of the new spec, and not the end of the last good job.
"""

import threading
import time
from dataclasses import dataclass

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.build.context import Defaults, JobContext, Manifest
from penstock_operator.build.deployment import build_job_manager, build_task_managers
from penstock_operator.build.ingress import build_ingress
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import OperatorError, UserError
from penstock_operator.model.facts import Problem, Ref
from penstock_operator.model.launch import Launch

_REMEMBERED_SECONDS = 60.0
"""A refusal may be mended elsewhere: a webhook, a policy."""
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class _Verdict:
    generation: int | None
    at: float
    problem: Problem | None


class Trials:
    """Verdicts on the generations of resources that have run: one trial for each, more while it is refused."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._verdicts: dict[str, _Verdict] = {}

    def refusal(self, resource: FlinkDeployment, namespace: str, defaults: Defaults) -> Problem | None:
        """What the API server would refuse of the wanted spec; None where it takes it or nothing is at stake."""
        meta = resource.metadata
        if resource.status.reconciliation_status.last_reconciled_spec is None:
            return None
        uid = meta.uid or ""
        with self._lock:
            known = self._verdicts.get(uid)
        if known is not None and known.generation == meta.generation:
            is_fresh = time.monotonic() - known.at < _REMEMBERED_SECONDS
            if known.problem is None or is_fresh:
                return known.problem
        problem = self._try(resource, namespace, defaults)
        with self._lock:
            if len(self._verdicts) >= _MOST:
                self._verdicts.clear()
            self._verdicts[uid] = _Verdict(meta.generation, time.monotonic(), problem)
        return problem

    def _try(self, resource: FlinkDeployment, namespace: str, defaults: Defaults) -> Problem | None:
        try:
            for manifest in _manifests(resource, namespace, defaults):
                self._client.try_apply(manifest)
        except UserError as error:
            return Problem(error.reason, f"the API server refuses the new spec: {error.message}")
        except OperatorError:
            return None  # it cannot say: the namespace is gone, or it does not answer
        return None


def _manifests(resource: FlinkDeployment, namespace: str, defaults: Defaults) -> list[Manifest]:
    meta = resource.metadata
    launch = Launch(
        Ref(meta.namespace, meta.name), meta.uid or "", meta.generation or 0, resource.spec, "0" * 32
    )
    context = JobContext(launch, namespace, defaults)
    return [build_job_manager(context), build_task_managers(context), *build_ingress(context)]
