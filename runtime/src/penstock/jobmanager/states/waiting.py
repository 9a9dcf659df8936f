"""CREATED: the attempt waits for its slots, then its tasks are deployed and come up. Called by `jobmanager.machine`."""

from penstock.control.messages import DeployTasks, Failure, SubtaskDeployment, TaskState
from penstock.jobmanager.effects import EnumeratorStart, Send, StartEnumerators, TakeSlots
from penstock.jobmanager.job import Execution, Job
from penstock.jobmanager.scheduler import place, required_slots
from penstock.jobmanager.status import JobStatus


def enter(job: Job, now: int) -> None:
    """Take the free slots if they suffice, else wait for more."""
    job.move(JobStatus.CREATED, now)
    job.executions = {}
    job.uncommitted = {}
    job.is_final_wanted = False
    job.deadline = now + job.options.slot_timeout
    deploy_if_possible(job, now)


def missing_slots(job: Job) -> Failure:
    """Why the wait for slots ended."""
    return Failure(
        exception="NoResourceAvailableException",
        message=f"the job needs {required_slots(job.graph)} slots and {len(job.free_slots)} are free: start more "
        "TaskManagers, raise taskmanager.numberOfTaskSlots or lower the parallelism",
    )


def deploy_if_possible(job: Job, now: int) -> None:
    """Deploy the attempt when there are slots for all of it."""
    needed = required_slots(job.graph)
    if job.executions or len(job.free_slots) < needed:
        return
    chosen = job.free_slots[:needed]
    job.free_slots = job.free_slots[needed:]
    job.slots = {slot.slot_id: slot for slot in chosen}
    placement = place(job.graph, chosen)
    for vertex in job.graph.vertices:
        for index, slot_id in enumerate(placement[vertex.id]):
            execution = Execution(vertex.id, index, slot_id, TaskState.CREATED, {TaskState.CREATED: now})
            execution.move(TaskState.SCHEDULED, now)
            execution.move(TaskState.DEPLOYING, now)
            job.executions[vertex.id, index] = execution
    job.deadline = None
    job.emit(TakeSlots(tuple(job.slots)))
    for slot_id in job.slots:
        job.emit(Send(slot_id, _deployment(job, slot_id, placement)))
    job.emit(StartEnumerators(job.attempt, _sources(job)))


def _deployment(job: Job, slot_id: str, placement: dict[str, list[str]]) -> DeployTasks:
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
