"""The whole end-to-end run: `python -m e2e.run [--keep] [pytest arguments]`.

Called by `make e2e`. It brings up the cluster, images, Kafka, S3, ZooKeeper and the chart's release, runs the tests in
parallel namespaces, then takes the release away (which is a test of its own) and everything else with it.
`--keep` leaves the cluster up after the run, for another one or a look around.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from e2e import figures
from e2e.cluster.build import build_tool
from e2e.cluster.kind import kind_answers
from e2e.cluster.layout import HELM, REPOSITORY, ClusterError
from e2e.cluster.packages import install_missing
from e2e.cluster.provider import Cluster, this_cluster
from e2e.environment import FILE, OPERATOR_NAMESPACE, RELEASE, Environment
from images.build import ImageError, build_images
from tests.servers import KafkaServer, S3Server, ZooKeeperServer

log = logging.getLogger("e2e")
_CHART = REPOSITORY / "helm" / "penstock"
_CONFIGURATION = (
    r"""defaultConfiguration.config\.yaml=kubernetes.operator.user.artifacts.allowed-schemes: https\,s3"""
)
"""Programs of session jobs may come from the session's own S3 server."""


def main(arguments: list[str]) -> int:
    """Run the tests named by pytest arguments (all, if none); returns pytest's exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    keep = "--keep" in arguments
    chosen = [argument for argument in arguments if argument != "--keep"]
    cluster = this_cluster()
    try:
        with ExitStack() as stack:
            prepare(cluster)
            if not keep:
                stack.callback(cluster.down)
            environment = start_servers(cluster, stack)
            install(cluster, environment)
            figures.forget()
            code = run_tests(chosen)
            said = figures.all_said()  # they are kept in the cluster's folder
        # With kind there are no binaries of an API server, and the cluster was tested against kind's.
        if not chosen:
            code = run_api_tests(required=not kind_answers()) or code
        print("\n".join(said))
        return code
    except (ClusterError, ImageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def prepare(cluster: Cluster) -> None:
    """Bring up the cluster and give it the images of the sources as they are now."""
    if not kind_answers():
        install_missing()
    archives = build_images()
    build_tool(HELM)
    cluster.up()
    for archive in archives:
        cluster.import_image(archive)
    log.info("the cluster is up and has the images")


def start_servers(cluster: Cluster, stack: ExitStack) -> Environment:
    """Start Kafka, S3 and ZooKeeper at the bridge's address, Kafka on loopback too."""
    host = cluster.host_address
    kafka = stack.enter_context(KafkaServer(extra_listener=host))
    s3 = stack.enter_context(S3Server(host))
    zookeeper = stack.enter_context(ZooKeeperServer(host))
    environment = Environment(
        helm=str(HELM.binary("helm")),
        kafka=kafka.bootstrap,
        kafka_for_pods=kafka.extra_bootstrap,
        s3_endpoint=s3.endpoint,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        zookeeper=zookeeper.endpoint,
    )
    environment.save()
    stack.callback(FILE.unlink, missing_ok=True)
    log.info("Kafka, S3 and ZooKeeper are up")
    return environment


def install(cluster: Cluster, environment: Environment) -> None:
    """Install the chart, or upgrade the release that a kept cluster has; waits until the operator is ready."""
    started = time.monotonic()
    base = [environment.helm, "--kubeconfig", str(cluster.kubeconfig), "--namespace", OPERATOR_NAMESPACE]
    stamp = f"operatorPod.annotations.restarted-at={time.time():.0f}"
    options = [
        "--create-namespace",
        "--wait",
        "--timeout",
        "400s",
        "--set-string",
        stamp,
        "--set-string",
        _CONFIGURATION,
    ]
    done = subprocess.run(
        [*base, "upgrade", "--install", RELEASE, str(_CHART), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pods = cluster.kubectl("describe", "pods", "-n", OPERATOR_NAMESPACE).stdout[-3000:]
        names = cluster.kubectl("get", "pods", "-n", OPERATOR_NAMESPACE, "-o", "name").stdout.split()
        logs = "\n".join(
            cluster.kubectl("logs", "-n", OPERATOR_NAMESPACE, name).stdout[-3000:] for name in names
        )
        raise ClusterError(f"installing the chart failed: {done.stderr.strip()}\n{pods}\n{logs}")
    log.info("the operator is ready after %.0f s", time.monotonic() - started)


def run_tests(chosen: list[str]) -> int:
    """Run the tests side by side, then one by one those that disturb others, and last the release's removal."""
    paths = [argument for argument in chosen if not argument.startswith("-") and Path(argument).exists()]
    all_tests = [] if paths else ["e2e", "tests/helm", "--ignore=e2e/uninstall"]
    all_tests += [] if chosen else ["--ignore=e2e/alone"]
    codes = [_pytest(*_side_by_side(), *chosen, *all_tests)]
    if not chosen:
        codes += [_pytest("-p", "no:xdist", "e2e/alone"), _pytest("-p", "no:xdist", "e2e/uninstall")]
    return next((code for code in codes if code), 0)


def run_api_tests(*, required: bool) -> int:
    """Run the operator's tests on an API server without a node, once the node is gone; none may be skipped for want of it."""
    extra = {"PENSTOCK_REQUIRE_API_SERVER": "1"} if required else {}
    return _pytest(*_side_by_side(), "tests/operator_kubernetes", environment=extra)


def _side_by_side() -> list[str]:
    return ["-n", os.environ.get("PENSTOCK_E2E_WORKERS", "4"), "--dist", "worksteal"]


def _pytest(*arguments: str, environment: dict[str, str] | None = None) -> int:
    """Run pytest, and say how long it took; returns its exit code."""
    command = [sys.executable, "-m", "pytest", "--timeout=900", "--durations=8", "--durations-min=20"]
    started = time.monotonic()
    done = subprocess.run(
        [*command, "-o", "addopts=--import-mode=importlib -ra", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | (environment or {}),
        check=False,
    )
    log.info("%s: %.0f s", " ".join(arguments), time.monotonic() - started)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
