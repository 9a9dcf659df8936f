"""The job's service account and what it may do. Called by the assembly of a job's objects."""

from penstock_operator.build.context import JobContext, Manifest


def build_service_account(context: JobContext, named: Manifest | None) -> Manifest:
    """The account; `named` is the one of that name beside the resource: its labels, annotations, pull secrets follow."""
    source = (named or {}).get("metadata", {})
    metadata = context.metadata(
        context.service_account,
        annotations={
            key: value
            for key, value in source.get("annotations", {}).items()
            if key != "kubectl.kubernetes.io/last-applied-configuration"
        },
    )
    metadata["labels"] = {**source.get("labels", {}), **metadata["labels"]}
    found = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    if names := pull_secrets(named):
        found["imagePullSecrets"] = [{"name": name} for name in names]
    return found


def pull_secrets(account: Manifest | None) -> list[str]:
    """Names of the Secrets that an account's pods pull images with."""
    return [entry["name"] for entry in (account or {}).get("imagePullSecrets") or [] if entry.get("name")]


def build_role_bindings(context: JobContext) -> list[Manifest]:
    """Binds the account to the chart's roles for jobs, in this namespace only (Decision 15).

    The right to Leases and to writing ConfigMaps only while the job elects among several JobManagers by them.
    """
    found = [_binding(context, f"{context.name}-job", context.defaults.cluster_role)]
    if context.ha_type == "kubernetes":
        found.append(_binding(context, ha_binding_name(context), context.defaults.ha_cluster_role))
    return found if context.is_dedicated else found[1:]


def ha_binding_name(context: JobContext) -> str:
    """Name of the binding that only an electing job has."""
    return f"{context.name}-job-ha"


def _binding(context: JobContext, name: str, role: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": context.metadata(name),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": context.defaults.role_kind,
            "name": role,
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": context.service_account, "namespace": context.namespace}
        ],
    }
