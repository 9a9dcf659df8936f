"""`status.clusterInfo` in upstream's words: version, revision, what the cluster asks for in all, how large its state is. Pure.

Called by `refresh`. Nothing in it changes by itself but the size of the state, which is noted with the newest checkpoint,
so that a job at rest costs no write.
"""

from collections.abc import Mapping
from decimal import Decimal

from penstock_api.v1beta1.resources import JobManagerSpec, TaskManagerSpec
from penstock_operator.build.resources import JOB_MANAGER_DEFAULT, TASK_MANAGER_DEFAULT, container_resources
from penstock_operator.decide.specs import decode_spec
from penstock_operator.errors import UserError
from penstock_operator.model.facts import Facts
from penstock_operator.model.launch import Launch, with_defaults
from penstock_operator.model.quantity import parse_quantity

STATE_SIZE = "state-size"


def cluster_info(facts: Facts) -> dict[str, str]:
    """What is known now; what is not is left as it was."""
    held, job = dict(facts.resource.status.cluster_info), facts.job
    if not job.reachable:
        return held
    if job.version:
        held["flink-version"] = job.version
    if job.revision:
        held["flink-revision"] = job.revision
    return held | _totals(facts)


def _totals(facts: Facts) -> dict[str, str]:
    """CPUs and bytes that the deployed spec asks for, TaskManagers as many as there are."""
    deployed = decode_spec(facts.resource.status.reconciliation_status.last_reconciled_spec)
    if deployed is None or not facts.cluster.owns_task_managers:
        return {}
    spec = with_defaults(deployed, facts.defaults)
    managers = spec.job_manager.replicas if spec.job_manager else 1
    workers = facts.cluster.task_managers or Launch(facts.ref, "", 0, spec, "").task_managers
    try:
        one = _requests(spec.job_manager, JOB_MANAGER_DEFAULT)
        other = _requests(spec.task_manager, TASK_MANAGER_DEFAULT)
    except (UserError, ValueError):  # validation says so
        return {}
    cpu, memory = (one[key] * managers + other[key] * workers for key in ("cpu", "memory"))
    return {"total-cpu": str(float(cpu)), "total-memory": str(int(memory))}


def _requests(
    part: JobManagerSpec | TaskManagerSpec | None, default: Mapping[str, object]
) -> dict[str, Decimal]:
    found = container_resources(
        part.resources if part else None, part.resource if part else None, dict(default), "spec"
    )
    asked = {**found.get("limits", {}), **found.get("requests", {})}
    return {key: parse_quantity(str(asked.get(key, "0"))) for key in ("cpu", "memory")}
