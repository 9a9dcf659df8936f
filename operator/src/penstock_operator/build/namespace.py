"""The namespace of a job: its name by template, its labels. Called by the Kubernetes platform."""

import re
from collections.abc import Mapping

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec, JobNamespaceMode, PodSecurity
from penstock_operator.build import labels
from penstock_operator.build.context import JobContext, Manifest
from penstock_operator.errors import UserError
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import namespace_mode

DEFAULT_TEMPLATE = "{{ namespace }}-{{ name }}"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FIELD = "spec.jobNamespaces.nameTemplate"
_RESERVED = ("default", "kube-")


def job_namespace(
    spec: FlinkDeploymentSpec,
    ref: Ref,
    default: str = DEFAULT_TEMPLATE,
    installed: Mapping[str, str] | None = None,
) -> str:
    """Where the job's objects go; `default` is the installation's template, `installed` its keys.

    No usable name raises `UserError`.
    """
    if namespace_mode(spec, installed or {}) is JobNamespaceMode.SHARED:
        return ref.namespace
    template = (spec.job_namespaces.name_template if spec.job_namespaces else None) or default
    try:
        environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        name = environment.from_string(template).render(name=ref.name, namespace=ref.namespace).strip()
    except TemplateError as error:
        message = f"{_FIELD} {template!r} cannot be rendered: {error}; it may use name and namespace"
        raise UserError(Reason.VALIDATION_ERROR, message) from error
    if not _NAME.fullmatch(name) or name == _RESERVED[0] or name.startswith(_RESERVED[1]):
        message = f"{_FIELD} {template!r} gives {name!r}, which is no name for a namespace of the job's own"
        raise UserError(Reason.VALIDATION_ERROR, message)
    return name


def build_namespace(context: JobContext) -> Manifest:
    """The namespace, labelled with its owner and its Pod Security level."""
    wanted = context.launch.spec.job_namespaces
    level = ((wanted.pod_security if wanted else None) or PodSecurity.RESTRICTED).value
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": context.namespace,
            "labels": {
                **labels.owned_labels(context.launch.ref, context.launch.uid),
                "pod-security.kubernetes.io/enforce": level,
                "pod-security.kubernetes.io/warn": level,
            },
        },
    }
