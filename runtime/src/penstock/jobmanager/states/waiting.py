"""CREATED: the attempt waits for its slots, then its tasks are deployed and come up. Called by `jobmanager.machine`."""

from penstock.control.messages import DeployTasks, Failure, SlotAddress, SubtaskDeployment, TaskState
from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager.effects import EnumeratorStart, Send, StartEnumerators, TakeSlots
from penstock.jobmanager.job import Execution, Job
from penstock.jobmanager.requirements import at_parallelism, fit, least_slots
from penstock.jobmanager.scheduler import place, required_slots
from penstock.jobmanager.status import JobStatus


def enter(job: Job, now: int) -> None:
    """Take the slots there are if they suffice, else wait for more."""
    job.move(JobStatus.CREATED, now)
    for key in list(job.executions):
        job.replace(key)
    job.uncommitted = {}
    job.is_final_wanted = False
    job.stable_at = None
    wait = job.options.adaptive.resource_wait
    job.deadline = now + wait if wait >= 0 else None
    deploy_if_possible(job, now)


def missing_slots(job: Job) -> Failure:
    """Why the wait for slots ended."""
    needed = least_slots(job.graph, job.requirements)
    return Failure(
        exception="NoResourceAvailableException",
        message=f"the job needs {needed} slots and {len(job.free_slots) + len(job.slots)} are free: start more "
        "TaskManagers, raise taskmanager.numberOfTaskSlots or lower the parallelism",
    )


def hopeless(job: Job, message: str) -> Failure | None:
    """The failure if the job waits for slots that do not come up; None if it waits for none."""
    region = job.region
    waits = region is not None and region.is_preparing and not region.is_deployed
    if job.status is JobStatus.CREATED:
        waits = not job.executions
    if not waits:
        return None
    return Failure(exception="SlotsCannotStart", message=message, reason="SlotsCannotStart")


def tick(job: Job, now: int) -> Failure | None:
    """Waited long enough: for more slots than suffice, or for any. The failure if it was for nothing."""
    if not job.executions:
        deploy_if_possible(job, now)
    if not job.executions and job.deadline is not None and now >= job.deadline:
        return missing_slots(job)
    return None


def deploy_if_possible(job: Job, now: int) -> None:
    """Deploy the attempt when there are slots for all that is wanted, or waiting for more is over.

    A job that is being rescaled takes what there is at once.
    """
    pool = (*job.slots.values(), *job.free_slots)
    target = None if job.executions else fit(job.graph, job.requirements, len(pool))
    if target is None:
        job.stable_at = None
        return
    if job.rescale is None and target != fit(job.graph, job.requirements, None):
        if job.stable_at is None:
            job.stable_at = now + job.options.adaptive.resource_stabilization
        if now < job.stable_at:
            return
    _deploy(job, at_parallelism(job.graph, target), pool, now)


def _deploy(job: Job, graph: JobGraph, pool: tuple[SlotAddress, ...], now: int) -> None:
    job.graph = graph
    needed = required_slots(graph)
    chosen = pool[:needed]
    taken = {slot.slot_id for slot in chosen}
    job.free_slots = tuple(slot for slot in job.free_slots if slot.slot_id not in taken)
    # Slots of the last attempt that have no task in this one go back when it runs: new processes cost time.
    job.slots = {slot.slot_id: slot for slot in (*chosen, *job.slots.values())}
    placement = place(graph, chosen)
    for vertex in graph.vertices:
        for index, slot_id in enumerate(placement[vertex.id]):
            execution = Execution(
                vertex.id, index, slot_id, TaskState.CREATED, {TaskState.CREATED: now}, job.attempt
            )
            execution.move(TaskState.SCHEDULED, now)
            execution.move(TaskState.DEPLOYING, now)
            job.executions[vertex.id, index] = execution
    job.deadline = job.stable_at = None
    job.base_attempt = job.attempt
    job.handed_out.clear()
    job.emit(TakeSlots(tuple(taken)))
    for slot in chosen:
        job.emit(Send(slot.slot_id, deployment(job, slot.slot_id, placement)))
    job.emit(StartEnumerators(job.attempt, _sources(job)))


def deployment(job: Job, slot_id: str, placement: dict[str, list[str]]) -> DeployTasks:
    """The tasks that `placement` gives to that slot."""
    plan = job.plan
    tasks = [
        SubtaskDeployment(
            vertex_id=vertex.id, index=index, restored=plan.for_subtask(vertex, index) if plan else []
        )
        for vertex in job.graph.vertices
        for index in range(vertex.parallelism)
        if placement[vertex.id][index] == slot_id
    ]
    return DeployTasks(
        job_id=job.id,
        job_name=job.graph.name,
        attempt=job.attempt,
        vertices=job.graph.vertices,
        edges=job.graph.edges,
        tasks=tasks,
        slots=job.slots,
        placement=placement,
        configuration=job.options.configuration,
        program_module=job.graph.program_module,
        restored_checkpoint_id=job.restored.metadata.checkpoint_id if job.restored else None,
        restored_location=job.restored.location if job.restored else None,
    )


def _sources(job: Job) -> tuple[EnumeratorStart, ...]:
    found = []
    for vertex in job.graph.vertices:
        if vertex.source is not None:
            operator_id = vertex.operators[0].operator_id
            found.append(
                EnumeratorStart(
                    vertex_id=vertex.id,
                    operator_id=operator_id,
                    source=vertex.source,
                    parallelism=vertex.parallelism,
                    state=job.plan.enumerator(operator_id) if job.plan else None,
                    splits=tuple(job.plan.splits(operator_id)) if job.plan else (),
                )
            )
    return tuple(found)
