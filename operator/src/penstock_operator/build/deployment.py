"""The Deployments of a job: `<id>` (JobManager) and `<id>-taskmanager`, named as upstream's standalone mode.

After a warm upgrade `<id>-<revision>` and `<id>-<revision>-taskmanager`, until the next upgrade by Recreate.
"""

from penstock_operator.build import labels
from penstock_operator.build.context import CONFIG_DIRECTORY, RPC_PORT, JobContext, Manifest
from penstock_operator.build.pod import Component, build_pod_template
from penstock_operator.build.program import program_path
from penstock_operator.build.resources import JOB_MANAGER_DEFAULT, TASK_MANAGER_DEFAULT, container_resources

_LISTENS = ("-D", "rest.bind-address=$(POD_IP),127.0.0.1", "-D", "jobmanager.bind-host=$(POD_IP)")
"""The pod's own address, for peers and probes; loopback too for REST, where `kubectl port-forward` arrives."""


def build_job_manager(context: JobContext) -> Manifest:
    """The JobManager: one pod, started only when the last one is gone; more of them where they elect a leader."""
    wanted = context.launch.spec.job_manager
    scheme = "HTTPS" if context.launch.configuration.get("security.ssl.rest.enabled") == "true" else "HTTP"
    answers = {"httpGet": {"path": "/config", "port": "rest", "scheme": scheme}, "periodSeconds": 1}
    component = Component(
        labels.JOB_MANAGER,
        ("jobmanager", "--config-dir", CONFIG_DIRECTORY, *_LISTENS, *_arguments(context)),
        container_resources(
            wanted.resources if wanted else None,
            wanted.resource if wanted else None,
            JOB_MANAGER_DEFAULT,
            "spec.jobManager",
        ),
        (
            {"name": "rest", "containerPort": context.rest_port, "protocol": "TCP"},
            {"name": "rpc", "containerPort": RPC_PORT, "protocol": "TCP"},
        ),
        {"readinessProbe": {**answers, "timeoutSeconds": 2, "failureThreshold": 3}},
        wanted.pod_template if wanted else None,
    )
    several = wanted is not None and context.ha_type != "none"
    return _deployment(context, context.cluster, component, wanted.replicas if wanted and several else 1)


def build_task_managers(context: JobContext) -> Manifest:
    """The TaskManagers."""
    wanted = context.launch.spec.task_manager
    component = Component(
        labels.TASK_MANAGER,
        (
            "taskmanager",
            "--config-dir",
            CONFIG_DIRECTORY,
            "-D",
            "taskmanager.host=$(POD_IP)",
            "--resource-id",
            "$(POD_NAME)",
        ),
        container_resources(
            wanted.resources if wanted else None,
            wanted.resource if wanted else None,
            TASK_MANAGER_DEFAULT,
            "spec.taskManager",
        ),
        (),
        {},
        wanted.pod_template if wanted else None,
    )
    return _deployment(context, f"{context.cluster}-taskmanager", component, context.launch.task_managers)


def _arguments(context: JobContext) -> list[str]:
    """The launch's own, with paths in the pod for files of ConfigMaps; the program's arguments stay as they are."""
    found = context.launch.job_manager_arguments()
    end = found.index("--") if "--" in found else len(found)
    return [*(program_path(argument) for argument in found[:end]), *found[end:]]


def _deployment(context: JobContext, name: str, component: Component, replicas: int) -> Manifest:
    launch = context.launch
    selector = labels.pod_labels(context.cluster, component.name)
    metadata = context.metadata(
        name,
        more_labels=selector,
        annotations={
            labels.GENERATION: str(launch.generation),
            labels.JOB_ID: launch.job_id,
            **({} if launch.waits else {labels.ORIGIN: launch.from_savepoint or ""}),
            labels.FINGERPRINT: launch.fingerprint,
        },
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector},
            "template": build_pod_template(context, component),
        },
    }
