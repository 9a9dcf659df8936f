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
        (
            "metrics-and-no-webhook",
            (
                "--set",
                "webhook.create=false,metrics.port=9999,metrics.service.create=true,metrics.podMonitor.create=true",
            ),
        ),
        (
            "some-namespaces",
            (
                "--set",
                "rbac.scope=Namespaces,watchNamespaces={a,penstock-system},jobNamespaces.mode=Shared",
                "--set",
                "webhook.create=false,crds.manage=false",
            ),
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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("rbac.scope=Namespaces,jobNamespaces.mode=Shared", "name them"),
        ("rbac.scope=Namespaces,watchNamespaces={a}", "set jobNamespaces.mode to Shared"),
        (
            "rbac.scope=Namespaces,watchNamespaces={a},jobNamespaces.mode=Dedicated",
            "rights in the whole cluster",
        ),
        ("rbac.scope=Some", "use Cluster or Namespaces"),
        ("jobNamespaces.mode=Own", "use Dedicated or Shared"),
    ],
)
def test_values_that_do_not_go_together_are_refused_in_words(helm: str, values: str, said: str) -> None:
    command = [helm, "template", "penstock", str(CHART), "--set", values]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode != 0
    assert said in done.stderr


def test_rights_in_some_namespaces_need_the_cluster_for_its_own_things_only(helm: str) -> None:
    chosen = "rbac.scope=Namespaces,watchNamespaces={a,b},jobNamespaces.mode=Shared"
    made = objects(render(helm, "--set", chosen))
    rules = [rule for item in made if item["kind"] == "ClusterRole" for rule in item["rules"]]
    assert {group for rule in rules for group in rule["apiGroups"]} == {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
    }


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


def test_the_webhook_is_trusted_by_the_ca_that_the_operator_may_put_there(helm: str) -> None:
    made = objects(render(helm, "--set", "webhook.failurePolicy=Fail,watchNamespaces={a,b}"))
    hooks = [item for item in made if item["kind"].endswith("WebhookConfiguration")]
    assert {item["kind"] for item in hooks} == {
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    }
    [name] = {item["metadata"]["name"] for item in hooks}
    [deployment] = [item for item in made if item["kind"] == "Deployment"]
    operator, webhook = deployment["spec"]["template"]["spec"]["containers"]
    environment = {entry["name"]: entry.get("value") for entry in operator["env"]}
    assert environment["PENSTOCK_WEBHOOK_CONFIGURATIONS"] == name
    rules = [rule for role in made if role["kind"] == "ClusterRole" for rule in role["rules"]]
    [allowed] = [rule for rule in rules if "validatingwebhookconfigurations" in rule["resources"]]
    assert (allowed["resourceNames"], allowed["verbs"]) == ([name], ["get", "patch"])
    for item in hooks:
        [hook] = item["webhooks"]
        service = hook["clientConfig"]["service"]
        assert service["name"] == environment["PENSTOCK_WEBHOOK_SERVICE"]
        assert (hook["failurePolicy"], hook["sideEffects"]) == ("Fail", "None")
        [chosen] = hook["namespaceSelector"]["matchExpressions"]
        assert chosen["values"] == ["a", "b"]
    assert webhook["args"] == ["webhook"]
    assert webhook["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
