"""All objects of a job, in the order in which they are applied: what pods need comes before the pods.

Called by the Kubernetes platform. One row a kind: a new kind of object is a file beside this one and a row here.
"""

from collections.abc import Mapping, Sequence

from penstock_operator.build.config_map import build_config_map
from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.build.deployment import build_job_manager, build_task_managers
from penstock_operator.build.ingress import build_ingress
from penstock_operator.build.limits import build_limit_range, build_resource_quota
from penstock_operator.build.mirror import build_mirror, build_tls_secret
from penstock_operator.build.network_policy import build_network_policies
from penstock_operator.build.pod_group import build_pod_group
from penstock_operator.build.service import build_services
from penstock_operator.build.service_account import (
    build_role_bindings,
    build_service_account,
    ha_binding_name,
)


def build_surroundings(
    context: JobContext,
    named_account: Manifest | None,
    sources: Sequence[Manifest],
    used: Mapping[str, str] | None = None,
) -> list[Manifest]:
    """What a namespace of the job's own is furnished with; `sources` are the Secrets and ConfigMaps to copy.

    `used` is what runs there now: the quota leaves room for it beside what is to start.
    """
    if not context.is_dedicated:
        account = [] if named_account else [build_service_account(context, None)]
        return [*account, *build_role_bindings(context)]
    return [
        build_resource_quota(context, [build_job_manager(context), build_task_managers(context)], used),
        build_limit_range(context),
        *build_network_policies(context),
        build_service_account(context, named_account),
        *build_role_bindings(context),
        *(build_mirror(context, source) for source in sources),
    ]


def build_job(context: JobContext, tls_files: dict[str, str] | None) -> list[Manifest]:
    """The job itself; without `tls_files` the Secret of an earlier deploy stays."""
    manager, workers = build_job_manager(context), build_task_managers(context)
    return [
        build_config_map(context),
        *([build_tls_secret(context, tls_files)] if tls_files else []),
        *build_services(context),
        *build_ingress(context),
        *build_pod_group(context, [manager, workers]),
        manager,
        workers,
    ]


def unwanted(context: JobContext) -> list[tuple[str, str]]:
    """Kind and name of what an earlier spec of the job may have made and this one does not want."""
    ingress = context.launch.spec.ingress
    found = [] if ingress is not None and ingress.template else [("Ingress", context.name)]
    if context.ha_type != "kubernetes":
        found.append(("RoleBinding", ha_binding_name(context)))
    return found
