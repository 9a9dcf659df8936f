"""What a kubelet and the controllers do for Penstock's Deployments, without any of them, on a real API server.

Deployments get pods and become ready, their JobManagers become stub jobs; what is deleted loses its pods and its job;
a namespace that is deleted empties and goes. Started by the operator's crash tests, campaigns and load tests.
"""

import heapq
import json
import os
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import urllib3
import yaml

from penstock_api.rest.trigger import StartWord
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from penstock_operator.clients.kube_kinds import KINDS
from penstock_operator.errors import ExternalError, OperatorError
from tests.servers.stub_jobmanager import StubJob, StubJobManagers

Manifest = dict[str, Any]
Key = tuple[str, str]

FAIL = "--fail"
"""A program with this argument fails for good as soon as it is started."""
FETCH_FAILS = "--fetch-fails"
"""One with this is not even there."""
_WAITS = "--wait-for-word"
_WATCH_SECONDS = 2
_KINDS_IN_A_NAMESPACE = (
    *("Deployment", "Pod", "Service", "ConfigMap", "Secret", "ServiceAccount", "RoleBinding"),
    *("NetworkPolicy", "ResourceQuota", "LimitRange", "Ingress", "Event"),
)


class StubKubelet:
    """Watches and acts in threads of its own, from `__enter__` to `__exit__`.

    `start_seconds` and `end_seconds` are how long pods take to become ready and to go.
    """

    def __init__(
        self,
        client: KubeClient,
        stubs: StubJobManagers,
        *,
        start_seconds: float = 0.1,
        end_seconds: float = 0.1,
        task_manager_pods: bool = True,
    ) -> None:
        self._client, self._stubs = client, stubs
        self._start, self._end = start_seconds, end_seconds
        self._task_manager_pods = task_manager_pods
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, str, Key]] = []
        self._number = 0
        self._seen: dict[Key, Manifest] = {}
        """Deployments as the watch has them; those that are gone are absent."""
        self._running: dict[Key, tuple[str, list[str]]] = {}
        """What runs for a Deployment: the template's mark and the pods' names."""
        self.side_by_side: list[str] = []
        """JobManagers that were started while one of the same resource was alive: must stay empty."""
        kinds = (("Deployment", labels.OURS), ("Namespace", labels.OURS))
        self._threads = [
            *(threading.Thread(target=self._watch, args=kind, name=f"stub-{kind[0]}") for kind in kinds),
            *(threading.Thread(target=self._work, name=f"stub-kubelet-{index}") for index in range(2)),
        ]
        self._busy: set[Key] = set()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def is_idle(self, beginning: str = "") -> bool:
        """Whether nothing is on its way in namespaces whose names begin so: no pod starts or ends, none goes."""
        with self._changed:
            keys = [*(key for _, _, _, key in self._due), *self._busy]
        return not any((place or name).startswith(beginning) for place, name in keys)

    # Seeing.

    def _watch(self, kind: str, selector: str) -> None:
        path = KINDS[kind].path(None)
        version = ""
        while not self._stopping.is_set():
            try:
                if not version:
                    version = self._list(kind, path, selector)
                query = {"watch": "true", "resourceVersion": version, "labelSelector": selector}
                query |= {"timeoutSeconds": str(_WATCH_SECONDS), "allowWatchBookmarks": "true"}
                for event in self._events(path, query):
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._take(kind, event["type"], event["object"])
            except (OperatorError, urllib3.exceptions.HTTPError, ValueError):
                version = ""
                self._stopping.wait(0.2)

    def _list(self, kind: str, path: str, selector: str) -> str:
        page = self._client._json("GET", path, {"labelSelector": selector}) or {}
        items = page.get("items") or []
        known = {(found["metadata"].get("namespace", ""), found["metadata"]["name"]) for found in items}
        if kind == "Deployment":
            for key in [key for key in self._seen if key not in known]:
                self._gone(key)
        for found in items:
            self._take(kind, "ADDED", found)
        return str(page["metadata"]["resourceVersion"])

    def _events(self, path: str, query: dict[str, str]) -> Iterator[Manifest]:
        response = self._client._send("GET", path, query, timeout=urllib3.Timeout(connect=5.0, read=30.0))
        try:
            rest = b""
            for chunk in response.stream(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines)
        finally:
            response.release_conn()

    def _take(self, kind: str, change: str, found: Manifest) -> None:
        meta = found["metadata"]
        if kind == "Namespace":
            if change != "DELETED" and meta.get("deletionTimestamp"):
                self._later(0.0, "namespace", ("", meta["name"]))
            return
        if change == "BOOKMARK":
            return
        key = (meta["namespace"], meta["name"])
        if change == "DELETED" or meta.get("deletionTimestamp"):
            self._gone(key)
            return
        self._seen[key] = found
        running = self._running.get(key)
        if running is None or running[0] != _mark(found) or _replicas(found) != _ready(found):
            self._later(self._start, "deployment", key)

    def _gone(self, key: Key) -> None:
        self._seen.pop(key, None)
        self._later(self._end, "deployment", key)

    # Acting.

    def _later(self, seconds: float, what: str, key: Key) -> None:
        with self._changed:
            self._number += 1
            heapq.heappush(self._due, (time.monotonic() + seconds, self._number, what, key))
            self._changed.notify()

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            what, key = entry
            try:
                (self._empty if what == "namespace" else self._settle)(key)
            except ExternalError:
                if not self._stopping.is_set():
                    self._later(0.3, what, key)
            except OperatorError:
                self._later(0.1, what, key)
            finally:
                with self._changed:
                    self._busy.discard(key)
                    self._changed.notify_all()

    def _next(self) -> tuple[str, Key] | None:
        with self._changed:
            while not self._stopping.is_set():
                now = time.monotonic()
                if self._due and self._due[0][0] <= now and self._due[0][3] not in self._busy:
                    _, _, what, key = heapq.heappop(self._due)
                    self._busy.add(key)
                    return what, key
                self._changed.wait(max(0.01, min(0.5, self._due[0][0] - now)) if self._due else 0.5)
        return None

    def _settle(self, key: Key) -> None:
        """Make what runs for a Deployment what it wants: as strategy Recreate does, old pods first."""
        wanted, running = self._seen.get(key), self._running.get(key)
        if running is not None and (wanted is None or running[0] != _mark(wanted)):
            self._stubs.end(key)
            self._running[key] = ("", running[1])
            self._delete_pods(key, 0)
            del self._running[key]
        if wanted is not None:
            self._run(key, wanted)

    def _run(self, key: Key, wanted: Manifest) -> None:
        component = wanted["spec"]["template"]["metadata"]["labels"].get(labels.COMPONENT)
        is_manager = component == labels.JOB_MANAGER
        is_new = key not in self._running
        if is_manager and is_new and _WAITS not in _arguments(wanted):
            self._refuse_two(wanted["metadata"]["labels"].get(labels.RESOURCE_UID, ""), key)
        _, names = self._running.setdefault(key, (_mark(wanted), []))
        replicas = _replicas(wanted)
        if is_manager or self._task_manager_pods:
            self._delete_pods(key, replicas)
            while len(names) < replicas:
                name = f"{key[1]}-{os.urandom(4).hex()}"
                self._client.create(_pod(key[0], name, wanted))
                names.append(name)
        if is_manager and is_new:
            self._start_job(key, wanted)
        status = {
            "observedGeneration": wanted["metadata"].get("generation", 1),
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas),
        }
        if self._client.get("Deployment", key[1], key[0]) is not None:
            self._client.patch("Deployment", key[1], key[0], {"status": status}, "status")

    def _delete_pods(self, key: Key, left: int) -> None:
        names = self._running[key][1]
        while len(names) > left:
            self._client.delete("Pod", names[-1], key[0])
            names.pop()

    def _refuse_two(self, uid: str, key: Key) -> None:
        with self._stubs._lock:
            for place, job in self._stubs.jobs.items():
                if job.uid == uid and place != key and job.state not in ("FINISHED", "CANCELED", "FAILED"):
                    self.side_by_side.append(f"{key} was started while {place} ran")

    def _start_job(self, key: Key, wanted: Manifest) -> None:
        container = next(
            each
            for each in wanted["spec"]["template"]["spec"]["containers"]
            if "--job-id" in (each.get("args") or [])
        )
        name = wanted["metadata"]["labels"].get(labels.RESOURCE_NAME, key[1])
        config = self._client.get("ConfigMap", f"flink-config-{key[1]}", key[0]) or {"data": {}}
        keys = yaml.safe_load(config["data"].get("config.yaml") or "{}") or {}
        job = StubJob(
            job_id=_argument(container["args"], "--job-id") or "",
            name=name,
            uid=wanted["metadata"]["labels"].get(labels.RESOURCE_UID, ""),
            checkpoints=keys.get("execution.checkpointing.dir") or keys.get("state.checkpoints.dir"),
            savepoint_folder=keys.get("execution.checkpointing.savepoint-dir")
            or keys.get("state.savepoints.dir"),
            parallelism=int(_argument(container["args"], "--parallelism") or 1),
        )
        if FAIL in container["args"]:
            job.state, job.exception = "FAILED", "RuntimeError: the program was told to fail"
        if _WAITS not in _arguments(wanted):
            self._stubs.start(key, job, _argument(container["args"], "--from-savepoint"))
        elif word := config["data"].get("word.json"):
            self._stubs.start(key, job, StartWord.model_validate_json(word).from_savepoint)
        else:
            self._stubs.wait(key, job, FETCH_FAILS in container["args"])

    def _empty(self, key: Key) -> None:
        """What the namespace controller does."""
        name = key[1]
        found = self._client.get("Namespace", name)
        if found is None:
            return
        for kind in _KINDS_IN_A_NAMESPACE:
            self._client._json("DELETE", KINDS[kind].path(name), body={"gracePeriodSeconds": 0})
        for place in [place for place in [*self._seen, *self._running] if place[0] == name]:
            self._gone(place)
        found["spec"] = {"finalizers": []}
        self._client._json("PUT", f"/api/v1/namespaces/{name}/finalize", body=found, missing_is_none=True)


def _mark(deployment: Manifest) -> str:
    """What makes a Deployment's pods old when it changes."""
    return json.dumps([deployment["metadata"]["uid"], deployment["spec"]["template"]], sort_keys=True)


def _replicas(deployment: Manifest) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _ready(deployment: Manifest) -> int:
    return int((deployment.get("status") or {}).get("readyReplicas") or 0)


def _pod(namespace: str, name: str, deployment: Manifest) -> Manifest:
    template = deployment["spec"]["template"]
    main = template["spec"]["containers"][0]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": template["metadata"]["labels"]},
        "spec": {
            "securityContext": template["spec"].get("securityContext") or {},
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": main["name"],
                    "image": main.get("image") or "stub",
                    "securityContext": main.get("securityContext") or {},
                }
            ],
        },
    }


def _arguments(deployment: Manifest) -> list[str]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return [argument for each in containers for argument in each.get("args") or []]


def _argument(arguments: list[str], name: str) -> str | None:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = arguments[:end]
    return own[own.index(name) + 1] if name in own else None
