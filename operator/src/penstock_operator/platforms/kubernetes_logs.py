"""The log of a job: lines of all of its pods, each with its pod's name before it. Called by the Kubernetes platform."""

import queue
import threading
from collections.abc import Iterator

from penstock_operator.build import labels
from penstock_operator.build.context import MAIN_CONTAINER
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import OperatorError


def pod_lines(client: KubeClient, name: str, namespace: str, *, follow: bool) -> Iterator[str]:
    """With `follow`, lines as they come until the pods end; else what there is, pod by pod."""
    pods = [pod["metadata"]["name"] for pod in client.list("Pod", namespace, f"{labels.APP}={name}")]
    if not follow:
        for pod in pods:
            for line in client.pod_log(namespace, pod, MAIN_CONTAINER, follow=False):
                yield f"{pod} {line}"
        return
    lines: queue.Queue[str | None] = queue.Queue(maxsize=1000)

    def read(pod: str) -> None:
        try:
            for line in client.pod_log(namespace, pod, MAIN_CONTAINER, follow=True):
                lines.put(f"{pod} {line}")
        except OperatorError as error:
            lines.put(f"{pod} (no log: {error.message})")
        finally:
            lines.put(None)

    for pod in pods:
        threading.Thread(target=read, args=(pod,), name=f"log-{pod}", daemon=True).start()
    ended = 0
    while ended < len(pods):
        got = lines.get()
        if got is None:
            ended += 1
        else:
            yield got
