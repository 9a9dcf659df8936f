"""Warm upgrades, as the rules see them: which one is under way, what it is for, and whether it holds others back. Pure.

The rule `warm` leads one through its phases; `prepare` begins it; all that stops a job and restores its state stays with the
rules that do so for every upgrade.
"""

from dataclasses import replace
from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, ReconciliationState
from penstock_api.v1beta1.warm import WarmPhase, WarmUpgrade
from penstock_operator.decide.situation import Situation, launch_of
from penstock_operator.decide.specs import decode_spec
from penstock_operator.model.facts import ClusterFacts, Facts, JobFacts, Problem
from penstock_operator.model.launch import Launch

TIMEOUT = "deployment.warm.timeout"
"""How long the new version's pods may take, and after them the old job until its stop begins."""
TIMEOUT_DEFAULT = "5 min"
_HOLDING = (WarmPhase.PREPARING, WarmPhase.FAILED)


def revise_warm(status: FlinkDeploymentStatus, now: int, **changes: object) -> FlinkDeploymentStatus:
    """Replace fields of the warm upgrade; a new phase begins now."""
    held = status.warm or WarmUpgrade()
    if "phase" in changes:
        changes["began"] = now
    return status.model_copy(update={"warm": held.model_copy(update=changes)})


def next_name(facts: Facts) -> str:
    """The name of the next version's pods: the resource's with the number of the revision to come."""
    status, name = facts.resource.status, facts.ref.name
    number = (status.history[-1].number if status.history else 0) + 1
    if f"{name}-{number}" == status.cluster_name:  # the revision that runs is started anew
        number += 1
    return f"{name}-{number}"


def is_wanted(situation: Situation, held: WarmUpgrade) -> bool:
    """Whether what the pods were made for is still what the owner wants, and so."""
    spec = decode_spec(held.spec)
    if spec is None or situation.is_refused or not situation.wants_running or not situation.wanted.is_warm:
        return False
    return diff_cost(spec, situation.wanted)[0] is Cost.IGNORE


def is_due(situation: Situation, held: WarmUpgrade) -> bool:
    """Whether it is wanted, and not deployed already (scaled in place meanwhile)."""
    is_deployed = diff_cost(situation.baseline, situation.wanted)[0] is Cost.IGNORE
    return is_wanted(situation, held) and not is_deployed


def is_held_back(situation: Situation) -> bool:
    """Whether the change that is wanted waits for pods, or for another spec than the one whose pods did not come up."""
    held = situation.status.warm
    return held is not None and held.phase in _HOLDING and is_wanted(situation, held)


def failed(situation: Situation) -> Problem | None:
    """Why the wanted change is not carried out, where its pods did not come up."""
    held = situation.status.warm
    if held is None or held.phase is not WarmPhase.FAILED or not is_wanted(situation, held):
        return None
    return Problem(Reason.WARM_UPGRADE_FAILED, held.message)


def prepared_launch(facts: Facts, held: WarmUpgrade) -> Launch | None:
    """What the waiting pods were made to run."""
    spec = decode_spec(held.spec)
    if spec is None:
        return None
    return replace(launch_of(facts, spec, held.job_id, None, held.cluster), waits=True)


def waiting_launch(facts: Facts) -> Launch | None:
    """What pods wait to run now, by the stored status; None while none do. Asked by `observe/`."""
    held = facts.resource.status.warm
    if held is None or held.phase not in (WarmPhase.PREPARING, WarmPhase.READY):
        return None
    return prepared_launch(facts, held)


def first_launch(facts: Facts, wanted: FlinkDeploymentSpec) -> Launch:
    """What would be brought up beside the job that runs, for a look at the room. Asked by `observe/`."""
    return replace(launch_of(facts, wanted, facts.new_id, None, next_name(facts)), waits=True)


def timeout(situation: Situation) -> timedelta:
    """How long a phase may take that waits for others."""
    return situation.duration(TIMEOUT, TIMEOUT_DEFAULT)


def wants_room(facts: Facts, wanted: FlinkDeploymentSpec) -> bool:
    """Whether a warm upgrade may begin now, so that the room for it has to be looked at. Asked by `observe/`."""
    held = facts.resource.status
    if facts.problems or facts.is_deleting or not wanted.is_warm or held.warm is not None:
        return False
    deployed = decode_spec(held.reconciliation_status.last_reconciled_spec)
    if deployed is None or deployed.job is None or deployed.job.state is not JobState.RUNNING:
        return False
    is_deployed = held.reconciliation_status.state is ReconciliationState.DEPLOYED
    runs = facts.job.reachable and facts.job.state is FlinkJobState.RUNNING
    return is_deployed and runs and diff_cost(deployed, wanted)[0] is not Cost.IGNORE


def left_beside(situation: Situation) -> int:
    """Pods that stand beside the job and do not wait for its end: they go before anything else of its name starts."""
    held, seen = situation.status.warm, situation.facts.cluster.beside
    if held is None or seen is None or held.phase in (WarmPhase.PREPARING, WarmPhase.READY):
        return 0
    return seen.processes_left or int(seen.exists)


def is_over(job: JobFacts, cluster: ClusterFacts) -> bool:
    """Whether nothing of the stopped job can write any more: by its JobManager's word, or because nothing of it is left."""
    ended = job.reachable and job.state is not None and job.state.is_terminal
    left = cluster.processes_left or cluster.job_manager_exists or cluster.task_managers_exist
    return ended or not left


def goes_on(resource: FlinkDeployment, job: JobFacts, cluster: ClusterFacts) -> bool:
    """Whether the waiting pods are next: the old job is over, whatever of its pods is left."""
    held = resource.status.warm
    return held is not None and held.phase is WarmPhase.READY and is_over(job, cluster)
