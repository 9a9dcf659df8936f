"""Batch schedulers: what the pods of one job carry so that they are placed together. Pure; called by `pod.py`.

The PodGroup that Volcano and scheduler-plugins go by is `pod_group.py`'s, unless the owner names one of their own in
`spec.batchScheduler.podGroup`; YuniKorn and Kueue make theirs from these labels.
"""

from dataclasses import dataclass, field

from penstock_operator.build.context import JobContext, Manifest


@dataclass(frozen=True, slots=True)
class Placing:
    """What a pod template gets."""

    spec: Manifest = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


def build_placing(context: JobContext) -> Placing:
    """Scheduler, queue, group and priority of every pod; nothing where the spec says nothing."""
    wanted = context.launch.spec.batch_scheduler
    if wanted is None or not wanted.name:
        return Placing()
    spec: Manifest = (
        {} if wanted.name == "kueue" else {"schedulerName": _SCHEDULERS.get(wanted.name, wanted.name)}
    )
    if wanted.priority_class_name:
        spec["priorityClassName"] = wanted.priority_class_name
    marks: dict[str, str] = {}
    notes: dict[str, str] = {}
    pods = str(1 + context.launch.task_managers)
    if wanted.name == "volcano":
        notes["scheduling.k8s.io/group-name"] = wanted.pod_group or context.cluster
        notes["scheduling.volcano.sh/group-min-member"] = pods
        notes |= {"scheduling.volcano.sh/queue-name": wanted.queue} if wanted.queue else {}
    elif wanted.name == "yunikorn":
        marks["applicationId"] = f"{context.name}-{context.launch.uid}"[:63]
        marks |= {"queue": wanted.queue} if wanted.queue else {}
    elif wanted.name == "kueue":
        marks["kueue.x-k8s.io/pod-group-name"] = wanted.pod_group or context.cluster
        marks |= {"kueue.x-k8s.io/queue-name": wanted.queue} if wanted.queue else {}
        notes["kueue.x-k8s.io/pod-group-total-count"] = pods
    else:
        marks["scheduling.x-k8s.io/pod-group"] = wanted.pod_group or context.cluster
    return Placing(spec, marks, notes)


_SCHEDULERS = {"scheduler-plugins": "scheduler-plugins-scheduler"}
"""By which name a scheduler answers, where that is not its own."""
