"""The API server asks the webhook: it refuses, labels, is left alone by canaries; its certificates rotate under load; a
slow or absent one costs no more than its policy says, and never keeps a resource from going away.
"""

import asyncio
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.kube import KubeClient
from penstock_operator.decide.validate_artifact import Resolve
from penstock_operator.errors import OperatorError
from penstock_operator.model.facts import Ref
from penstock_operator.webhook.certificates import Lives, Material
from penstock_operator.webhook.keeper import Keeper, Place
from penstock_operator.webhook.server import Server
from tests.operator_kubernetes.api_server import ApiServer
from tests.servers.process import free_port

pytestmark = pytest.mark.timeout(240)

LIVES = Lives(authority=timedelta(days=30), leaf=timedelta(days=30), overlap=timedelta(0))
CHART = Path(__file__).parents[1] / "helm" / "golden" / "defaults.yaml"


class Cluster:
    """What the webhook looks up, once it may."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()

    def defaults(self, namespace: str) -> Mapping[str, str]:
        self.answers.wait(120)
        return {}

    def deployment(self, ref: Ref) -> FlinkDeployment | None:
        return None

    def exists(self, kind: str, ref: Ref) -> bool | None:
        return None

    @property
    def resolve(self) -> Resolve | None:
        return None


class Running:
    """A webhook with its configurations for one namespace, its keeper, and a clock that can be set."""

    def __init__(self, client: KubeClient, namespace: str, policy: str = "Fail") -> None:
        self.client, self.namespace, self.name = client, namespace, f"penstock-{namespace}"
        self.cluster, self.port = Cluster(), free_port()
        self.age = timedelta(days=21)
        """How old what is made now shall look: it is due as soon as this is nothing."""
        for kind, path in (("Validating", "validate"), ("Mutating", "mutate")):
            client.create(self._configuration(kind, path, policy))
        place = Place(namespace, "webhook", "certificates", (self.name,), ("localhost",))
        self.keeper = Keeper(client, place, LIVES, lambda: datetime.now(UTC) - self.age)
        self.server = Server(self.cluster, self._read, "127.0.0.1", self.port)
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        assert self.keeper.turn() > 0
        self._thread.start()
        until("the webhook to serve", lambda: self.server.is_serving)

    def stop(self) -> None:
        self.server.stop()
        if self._thread.is_alive():
            self._thread.join(30)
        for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
            self.client.delete(kind, self.name)

    def reload(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.reload(), self._loop).result(20)

    def material(self) -> Material:
        found = self._read()
        assert found is not None
        return found

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self.server.serve()

    def _read(self) -> Material | None:
        return Material.from_secret(self.client.get("Secret", "certificates", self.namespace))

    def _configuration(self, kind: str, path: str, policy: str) -> dict[str, Any]:
        """The chart's own, reached at this server's port, for the test's namespace alone."""
        documents = yaml.safe_load_all(CHART.read_text())
        [found] = [item for item in documents if item and item["kind"] == f"{kind}WebhookConfiguration"]
        [hook] = found["webhooks"]
        hook["clientConfig"] = {"url": f"https://localhost:{self.port}/{path}"}
        hook["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        hook["failurePolicy"], hook["timeoutSeconds"] = policy, 1
        found["metadata"] = {"name": self.name}
        made: dict[str, Any] = found
        return made


def until(what: str, check: Callable[[], Any], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def webhook(client: KubeClient, namespace: str) -> Iterator[Running]:
    running = Running(client, namespace)
    running.start()
    until(
        "the API server to ask it",
        lambda: "upgradeMode last-state needs it" in said(client, wrong(namespace)),
    )
    yield running
    running.stop()


@pytest.fixture
def lenient(client: KubeClient, namespace: str) -> Iterator[Running]:
    running = Running(client, namespace, "Ignore")
    running.start()
    until(
        "the API server to ask it",
        lambda: "upgradeMode last-state needs it" in said(client, wrong(namespace)),
    )
    yield running
    running.stop()


def deployment(namespace: str, name: str = "clicks", **job: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"job": {"jarURI": "local:///opt/job.py", "parallelism": 1, **job}},
    }


def wrong(namespace: str) -> dict[str, Any]:
    """What only the webhook sees: the map of configuration is free."""
    body = deployment(namespace, upgradeMode="last-state")
    return {**body, "metadata": {"namespace": namespace, "generateName": "wrong-"}}


def said(client: KubeClient, body: dict[str, Any]) -> str:
    try:
        client.create(body)
    except OperatorError as error:
        return error.message
    return ""


def test_it_refuses_with_what_to_do_and_allows_the_rest(
    client: KubeClient, namespace: str, webhook: Running
) -> None:
    assert "spec.flinkConfiguration[state.checkpoints.dir] is missing" in said(client, wrong(namespace))
    stored = client.create(deployment(namespace))
    stored["spec"]["job"]["upgradeMode"] = "savepoint"
    with pytest.raises(OperatorError, match=r"state\.checkpoints\.dir"):
        client.replace(stored)
    canary = wrong(namespace)
    canary["metadata"]["labels"] = {"flink.apache.org/canary": "true"}
    assert said(client, canary) == ""


def test_the_process_waits_for_its_certificate_and_serves_it(
    api_server: ApiServer, client: KubeClient, namespace: str, tmp_path: Path
) -> None:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(api_server.kubeconfig(tmp_path / "kubeconfig")),
        "OPERATOR_NAMESPACE": namespace,
        "WEBHOOK_SERVER_PORT": str(port),
        "FLINK_CONF_DIR": str(tmp_path),
    }
    process = subprocess.Popen([sys.executable, "-m", "penstock_operator", "webhook"], env=environment)
    try:
        assert Keeper(client, Place(namespace, "penstock-operator-webhook", hosts=("localhost",))).turn() > 0
        secret = client.get("Secret", "penstock-webhook-certificates", namespace)
        held = Material.from_secret(secret)
        assert held is not None
        context = ssl.create_default_context(cadata=held.bundle)
        until("the webhook to be healthy", lambda: healthy(f"https://localhost:{port}/healthz", context))
    finally:
        process.terminate()
        assert process.wait(30) in (0, -15)


def healthy(url: str, context: ssl.SSLContext) -> bool:
    try:
        return httpx.get(url, verify=context).text == "OK"
    except httpx.TransportError:
        return False


def test_session_jobs_get_the_label_of_their_cluster(
    client: KubeClient, namespace: str, webhook: Running
) -> None:
    job = {"jarURI": "https://8.8.8.8/a.py", "parallelism": 1}
    body = {**deployment(namespace), "kind": "FlinkSessionJob", "spec": {"deploymentName": "one", "job": job}}
    assert client.create(body)["metadata"]["labels"] == {"target.session": "one"}


def test_certificates_rotate_under_load_and_nobody_is_turned_away(
    client: KubeClient, namespace: str, webhook: Running
) -> None:
    first = webhook.material()
    answers: list[str] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            answers.append(said(client, wrong(namespace)))

    askers = [threading.Thread(target=load) for _ in range(3)]
    for asker in askers:
        asker.start()
    webhook.age = timedelta(0)
    try:
        deadline = time.monotonic() + 90
        while (
            len(webhook.material().authorities) > 1
            or webhook.material().bundle == first.bundle
            or len(answers) <= 20
        ):
            assert time.monotonic() < deadline
            wait = webhook.keeper.turn()
            webhook.reload()
            done.wait(min(wait, 5.0))
    finally:
        done.set()
        for asker in askers:
            asker.join(30)
    last = webhook.material()
    assert last.is_signed_by_newest
    assert last.certificate != first.certificate
    assert len(answers) > 20
    assert {answer for answer in answers if "state.checkpoints.dir" not in answer} == set()
    assert "state.checkpoints.dir" in said(client, wrong(namespace))


def test_a_slow_one_costs_its_timeout_and_lets_pass_where_that_is_the_policy(
    client: KubeClient, namespace: str, lenient: Running
) -> None:
    lenient.cluster.answers.clear()
    try:
        assert said(client, wrong(namespace)) == "", "it is let pass while the webhook still thinks"
    finally:
        lenient.cluster.answers.set()


def test_an_absent_one_refuses_where_that_is_the_policy_and_never_holds_what_is_deleted(
    client: KubeClient, namespace: str, webhook: Running
) -> None:
    stored = client.create(deployment(namespace))
    client.patch("FlinkDeployment", "clicks", namespace, {"metadata": {"finalizers": ["penstock.dev/test"]}})
    webhook.server.stop()
    until("the port to be closed", lambda: "failed calling webhook" in said(client, wrong(namespace)))
    with pytest.raises(OperatorError, match="failed calling webhook"):
        client.patch("FlinkDeployment", "clicks", namespace, {"spec": {"restartNonce": 1}})
    client.patch("FlinkDeployment", "clicks", namespace, {"status": {"error": "x"}}, "status")
    client.delete("FlinkDeployment", "clicks", namespace, uid=stored["metadata"]["uid"])
    client.patch("FlinkDeployment", "clicks", namespace, {"metadata": {"finalizers": []}})
    assert client.get("FlinkDeployment", "clicks", namespace) is None


def test_a_spoilt_secret_is_made_anew(client: KubeClient, namespace: str, webhook: Running) -> None:
    client.patch("Secret", "certificates", namespace, {"data": {"ca.key": "eA=="}})
    webhook.keeper.turn()
    webhook.reload()
    until("to be asked again", lambda: "state.checkpoints.dir" in said(client, wrong(namespace)))
