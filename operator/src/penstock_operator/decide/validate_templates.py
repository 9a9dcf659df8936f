"""Validation of pod templates: of their shape alone, for the API server judges the rest by a dry run. Pure.

Called by `validate.py` before all other checks, which read templates.
"""

from collections.abc import Iterator

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.model.facts import Problem
from penstock_operator.model.pod_template import misshapen


def check_templates(resource: FlinkDeployment) -> Iterator[Problem]:
    """What is no object or list where one has to be."""
    spec = resource.spec
    templates = {
        "spec.podTemplate": spec.pod_template,
        "spec.jobManager.podTemplate": spec.job_manager.pod_template if spec.job_manager else None,
        "spec.taskManager.podTemplate": spec.task_manager.pod_template if spec.task_manager else None,
    }
    for path, template in templates.items():
        said = misshapen(template)
        if said is not None:
            yield Problem(Reason.VALIDATION_ERROR, f"{path}{said}")
