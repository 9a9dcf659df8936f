"""The chart as Helm renders it: equal to the golden files, and harmless in what it asks for.

Needs the Helm that `python -m e2e.cluster build` makes (or one on the path), hence the marker. `--update-golden` of
other suites is not read here: set PENSTOCK_UPDATE_GOLDEN=1 to write the files anew, and review them.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster.layout import HELM, REPOSITORY

pytestmark = pytest.mark.e2e

CHART = REPOSITORY / "helm" / "penstock"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def helm() -> str:
    """The Helm to use: the built one, else one on the path."""
    found = str(HELM.binary("helm")) if HELM.is_built else shutil.which("helm")
    assert found, "no Helm here: python -m e2e.cluster build"
    return found


def render(helm: str, *options: str) -> str:
    command = [helm, "template", "penstock", str(CHART), "--namespace", "penstock-system", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=50).stdout


def objects(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("defaults", ()),
        (
            "unmanaged-crds",
            ("--set", "crds.manage=false,crds.keep=false,hooks.forceUninstall=true,image.tag=9"),
        ),
        ("no-rbac", ("--set", "rbac.create=false,operatorServiceAccount.create=false,watchNamespaces={a,b}")),
    ],
)
def test_rendering_equals_the_golden_file(helm: str, name: str, options: tuple[str, ...]) -> None:
    rendered = render(helm, *options)
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("PENSTOCK_UPDATE_GOLDEN"):
        golden.write_text(rendered)
    assert rendered == golden.read_text()


def test_the_chart_passes_lint(helm: str) -> None:
    done = subprocess.run(
        [helm, "lint", "--strict", str(CHART)], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stdout


def test_the_operator_can_bind_only_the_roles_of_jobs(helm: str) -> None:
    roles = [item for item in objects(render(helm)) if item["kind"] == "ClusterRole"]
    bind = [rule for role in roles for rule in role["rules"] if "bind" in rule["verbs"]]
    assert [rule["resourceNames"] for rule in bind] == [["penstock-job", "penstock-job-ha"]]
    verbs = {verb for role in roles for rule in role["rules"] for verb in rule["verbs"]}
    assert not verbs & {"*", "escalate", "impersonate"}


def test_every_pod_is_restricted(helm: str) -> None:
    pods = [
        item["spec"]["template"]["spec"]
        for item in objects(render(helm))
        if item["kind"] in ("Deployment", "Job")
    ]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"]["drop"] == ["ALL"]
            assert context["readOnlyRootFilesystem"] is True
