"""The job's service account and what it may do. Called by the assembly of a job's objects."""

from penstock_operator.build.context import JobContext, Manifest


def build_service_account(context: JobContext, named: Manifest | None) -> Manifest:
    """The account; `named` is the account of that name beside the resource, whose labels and annotations follow."""
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
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def build_role_binding(context: JobContext) -> Manifest:
    """Binds the account to the chart's one role for jobs, in this namespace only (Decision 15)."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": context.metadata(f"{context.name}-job"),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": context.defaults.cluster_role,
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": context.service_account, "namespace": context.namespace}
        ],
    }
