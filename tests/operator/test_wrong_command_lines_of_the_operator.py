"""What is wrong with a command, a manifest, the environment or the way to the API server is said in words, never by a traceback."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kubernetes.config import kube_config

from penstock_operator import __main__ as operator
from penstock_operator.plugin import commands as plugin
from tests.servers.process import free_port

Called = Callable[..., tuple[object, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Called:
    """An entry point in this process, far from any cluster: its exit status, and what it says on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(operator, "set_up_logs", lambda settings: None)
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    # Kubernetes' client looks at the environment once, when it is imported: nobody's own cluster is to be found here.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("COLUMNS", "300")

    def run(command: str, *words: str, **environment: str) -> tuple[object, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", [command, *words])
        with pytest.raises(SystemExit) as ended:
            (plugin if command == "kubectl-penstock" else operator).main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        ("crds apply", {}, "no API server: neither a service account nor a kubeconfig is there"),
        ("uninstall", {}, "no API server"),
        ("local get", {"PENSTOCK_WORKERS": "many"}, "PENSTOCK_WORKERS"),
        ("local get", {"PENSTOCK_OPERATOR_POD_LABELS": "{"}, "the environment's settings"),
        ("local get", {"PENSTOCK_RBAC_SCOPE": "Namespaces"}, "name them in WATCH_NAMESPACES"),
        ("local get", {"PENSTOCK_HOME": "/proc/none"}, "PENSTOCK_HOME names another folder"),
        ("local get -o xml", {}, "use table, yaml, json or name"),
        ("local get clicks", {}, "there is no FlinkDeployment 'clicks'"),
        ("local describe clicks", {}, "there is no FlinkDeployment 'clicks'"),
        ("local logs clicks", {}, "there is no FlinkDeployment 'clicks'"),
        ("local wait clicks", {}, "there is no FlinkDeployment 'clicks'"),
        ("local delete clicks", {}, "there is no FlinkDeployment 'clicks'"),
        ("local url clicks", {}, "nothing is deployed for 'clicks' yet"),
        ("local apply -f none.yaml", {}, "none.yaml: No such file or directory"),
    ],
)
def test_the_operators_command_says_it(
    call: Called, words: str, environment: dict[str, str], said: str
) -> None:
    ended, errors = call("penstock-operator", *words.split(), **environment)
    assert (ended, said in errors) == (1, True), errors


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "is not YAML"),
        (b"a: [", "is not YAML"),
        (b"just words", "cannot run here: use FlinkDeployment"),
        (b"kind: Pod", "kind 'Pod' cannot run here"),
        (b"kind: FlinkDeployment\nspec: 5", "spec"),
        (b"kind: FlinkDeployment\nmetadata: {}", "metadata.name is missing"),
        (
            b"kind: FlinkDeployment\nmetadata: {name: a}\nspec: {job: {parallelism: two}}",
            "spec.job.parallelism",
        ),
        (b"kind: List\nitems: [3]", "cannot run here"),
        (b"kind: List\nitems: 3", "cannot run here"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_named(
    call: Called, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "job.yaml").write_bytes(content)
    ended, errors = call("penstock-operator", "local", "apply", "-f", "job.yaml")
    assert (ended, "job.yaml" in errors, said in errors) == (1, True, True), errors


def kubeconfig(path: Path, server: str, **more: object) -> None:
    named = {"cluster": {"server": server}, "user": {}, "context": {"cluster": "c", "user": "c"}}
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        **{f"{kind}s": [{"name": "c", kind: held}] for kind, held in named.items()},
        **more,
    }
    path.write_text(json.dumps(body))


PLUGIN = ("status clicks", "history clicks", "diff clicks", "rollback clicks", "autoscale explain clicks")


@pytest.mark.parametrize("words", PLUGIN)
def test_the_plugin_without_an_api_server_says_so(call: Called, tmp_path: Path, words: str) -> None:
    ended, errors = call("kubectl-penstock", *words.split())
    assert (ended, "error: no API server" in errors) == (1, True), errors
    (tmp_path / "kubeconfig").write_text("a: [")
    ended, errors = call("kubectl-penstock", *words.split())
    assert (ended, "error: no API server" in errors) == (1, True), errors
    kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{free_port()}")
    ended, errors = call("kubectl-penstock", *words.split())
    assert (ended, "the API server did not answer" in errors) == (1, True), errors
    ended, errors = call("kubectl-penstock", *words.split(), "--context", "other")
    assert (ended, "error: no API server" in errors) == (1, True), errors


@contextmanager
def api_server(status: int, body: object) -> Iterator[str]:
    """One that says the same to everything."""
    content = json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, {"message": "flinkdeployments is forbidden: User x cannot get"}, "is forbidden"),
        (401, {"message": "Unauthorized"}, "Unauthorized"),
        (404, {"message": "not found"}, "there is no flinkdeployment default/clicks"),
        (200, "words", "the resource is none that this version reads"),
        (200, {"metadata": {"name": "clicks"}, "spec": {"job": 7}}, "spec.job"),
    ],
)
@pytest.mark.parametrize("words", PLUGIN)
def test_what_the_api_server_refuses_is_told(
    call: Called, tmp_path: Path, words: str, status: int, body: object, said: str
) -> None:
    with api_server(status, body) as url:
        kubeconfig(tmp_path / "kubeconfig", url)
        ended, errors = call("kubectl-penstock", *words.split())
    assert (ended, said in errors) == (1, True), errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("autoscale replay", "name a FlinkDeployment, or a saved recording"),
        ("autoscale replay --file none", "none cannot be read: No such file or directory"),
        ("autoscale replay --file plain", "plain"),
        ("autoscale replay --file .", "cannot be read: Is a directory"),
    ],
)
def test_a_replay_of_nothing_says_so(call: Called, tmp_path: Path, words: str, said: str) -> None:
    (tmp_path / "plain").write_text("no recording")
    ended, errors = call("kubectl-penstock", *words.split())
    assert (ended, said in errors) == (1, True), errors
