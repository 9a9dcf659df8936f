"""Memory tuning of a resource: what is recommended, when it is taken, and the spec with it. Pure.

Called by `reconcile/autoscaling.py` and by `decide/autoscaling.py`. A recommendation is taken only while the job is
stopped for an upgrade anyway, never for its own sake: a scaling in place leaves pods, and so their memory, as they are.
"""

import math

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, MemoryTuning
from penstock_api.v1beta1.deployment import Engine, FlinkDeploymentSpec
from penstock_api.v1beta1.resources import Resource, TaskManagerSpec
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, ReconciliationState
from penstock_operator.autoscale.memory import Peak, recommended
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.decide.autoscaling_limits import slots_of_a_task_manager
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event
from penstock_operator.model.quantity import parse_memory

_STOPPED = (FlinkJobState.SUSPENDED, FlinkJobState.FINISHED, FlinkJobState.CANCELED)
_TASK_MANAGER = "TaskManager"
"""As problems of pods name it."""
_MIB = 1024 * 1024
_MANAGED = "; job.autoscaler.memory.tuning.maximize-managed-memory changes nothing here: this runtime has no managed memory"


def memory_text(spec: FlinkDeploymentSpec) -> str | None:
    """What the spec gives a TaskManager, as it is written; None where it says nothing."""
    manager = spec.task_manager
    if manager is None:
        return None
    if manager.resources is not None:
        found = manager.resources.limits.get("memory")
        return None if found is None else str(found)
    return manager.resource.memory if manager.resource is not None else None


def tuned(
    status: AutoscalerStatus, peak: Peak, spec: FlinkDeploymentSpec, options: AutoscalerOptions, floor: int
) -> AutoscalerStatus:
    """The status with what TaskManagers need by now; `floor` is the lowest parallelism that the job may have."""
    written = memory_text(spec)
    if spec.effective_engine is not Engine.PENSTOCK or written is None or not peak.is_known:
        return status
    try:
        limit = int(parse_memory(written))
    except (ValueError, ArithmeticError):
        return status
    fewest = math.ceil(floor / slots_of_a_task_manager(spec))
    size = recommended(peak, fewest, limit, options)
    before = status.memory if status.memory is not None and status.memory.of == written else None
    applied = before.applied if before is not None else None
    tuning = MemoryTuning(
        observed=_mebibytes(int(peak.used)),
        recommended=_mebibytes(size) if size is not None else None,
        of=written,
        applied=applied,
        message=_sentence(peak, size, written, options),
    )
    # What only moved within a step is no news: a status that moved with every sample would be a write a sample.
    if before is not None and (before.recommended, before.applied) == (tuning.recommended, tuning.applied):
        return status
    return status.model_copy(update={"memory": tuning})


def _sentence(peak: Peak, size: int | None, written: str, options: AutoscalerOptions) -> str:
    seen = f"the fullest of {peak.managers} TaskManagers used {_mebibytes(int(peak.used))}"
    managed = _MANAGED if options.memory_maximize_managed else ""
    if size is None:
        return f"{seen}: {written} is none too many{managed}"
    then = "with the next upgrade" if _is_on(options) else "with job.autoscaler.memory.tuning.enabled"
    return f"{seen}: {_mebibytes(size)} would do in place of {written}, {then}{managed}"


def _is_on(options: AutoscalerOptions) -> bool:
    return options.memory_tuning and options.effective_mode is Mode.ACTIVE


def adopted(
    status: AutoscalerStatus, held: FlinkDeploymentStatus, options: AutoscalerOptions
) -> AutoscalerStatus:
    """The status with the recommendation taken where the job is stopped to be started anew; else as it is."""
    if status.memory is None or not _is_stopped(held):
        return status
    taken = status.memory.recommended if _is_on(options) else None
    if taken == status.memory.applied:
        return status
    return status.model_copy(update={"memory": status.memory.model_copy(update={"applied": taken})})


def _is_stopped(held: FlinkDeploymentStatus) -> bool:
    return (
        held.reconciliation_status.state is ReconciliationState.UPGRADING
        and held.job_status.state in _STOPPED
        and getattr(held, "warm", None) is None  # what was prepared beside the old job is started as it is
    )


def left_of_memory(left: AutoscalerStatus | None, held: FlinkDeploymentStatus) -> AutoscalerStatus | None:
    """What to remember of a job whose autoscaler is off, with the memory that its pods have until they are started anew."""
    tuning = held.autoscaler.memory if held.autoscaler is not None else None
    if tuning is None or tuning.applied is None or _is_stopped(held):
        return left
    base = left or AutoscalerStatus(mode=Mode.OFF.value)
    return base.model_copy(update={"memory": tuning})


def outgrown(status: AutoscalerStatus, problem: Problem | None) -> tuple[AutoscalerStatus, tuple[Event, ...]]:
    """The status where a pod was killed for want of memory that it was given less of: the spec's counts again at once."""
    tuning = status.memory
    is_killed = (
        problem is not None and problem.reason is Reason.OOM_KILLED and problem.component == _TASK_MANAGER
    )
    if tuning is None or tuning.applied is None or not is_killed:
        return status, ()
    sentence = f"{tuning.applied} was too little memory for a TaskManager: each gets {tuning.of} again"
    spec_again = tuning.model_copy(update={"recommended": None, "applied": None, "message": sentence})
    return status.model_copy(update={"memory": spec_again}), (Event(Reason.MEMORY_PRESSURE, sentence),)


def with_memory(spec: FlinkDeploymentSpec, autoscaler: AutoscalerStatus | None) -> FlinkDeploymentSpec:
    """The spec with what its TaskManagers were given in its place; the owner's own where he changed it since."""
    tuning = autoscaler.memory if autoscaler is not None else None
    manager = spec.task_manager
    if tuning is None or tuning.applied is None or manager is None or memory_text(spec) != tuning.of:
        return spec
    return spec.model_copy(update={"task_manager": _resized(manager, tuning.applied)})


def _resized(manager: TaskManagerSpec, size: str) -> TaskManagerSpec:
    wanted = manager.resources
    if wanted is None:
        resource = (manager.resource or Resource()).model_copy(update={"memory": size})
        return manager.model_copy(update={"resource": resource})
    requests = dict(wanted.requests)
    if "memory" in requests and parse_memory(str(requests["memory"])) > parse_memory(size):
        requests["memory"] = size
    resources = wanted.model_copy(update={"requests": requests, "limits": {**wanted.limits, "memory": size}})
    return manager.model_copy(update={"resources": resources})


def _mebibytes(size: int) -> str:
    return f"{math.ceil(size / _MIB)}Mi"
