"""`make load`: a thousand FlinkDeployments on a real API server with stub JobManagers, and what they cost the operator.

Prints how long a burst of changes takes from change to action, and the operator's memory, processor time and API calls
at rest. Ends with 1 where an aim of `AIMS` is missed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_operator import crds
from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.conftest import start_api_server
from tests.operator_kubernetes.rollouts import OperatorProcess, stateful
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

NAMESPACE = "team"
AIMS = {"latency p99 (s)": 2.0, "memory (MB)": 300.0, "API calls per resource and minute at rest": 1.0}


@dataclass
class Load:
    """One run."""

    kubelet: StubKubelet
    stubs: StubJobManagers
    operator: OperatorProcess
    counts: Path
    resources: int
    folder: Path

    def create(self) -> float:
        """Make all resources; how long until every job runs by its spec."""
        begun = time.monotonic()
        for index in range(self.resources):
            self.client.create(stateful(NAMESPACE, self.folder, name(index)))
        self.wait_stable(dict.fromkeys(range(self.resources), 1), 3600.0)
        return time.monotonic() - begun

    @property
    def client(self) -> KubeClient:
        """A client of the API server."""
        return self.kubelet._client

    def wait_stable(self, wanted: dict[int, int], limit: float) -> None:
        """Until each of these resources is stable at this generation."""
        deadline, said, left = time.monotonic() + limit, 0.0, sorted(wanted)
        while True:
            left = self._unstable(left, wanted)
            if not left:
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(left)} resources are not stable: {left}\n{self.operator.tail()}")
            if time.monotonic() - said > 15:
                said = time.monotonic()
                print(f"  {len(left)} left", flush=True)
            time.sleep(2.0 if len(left) > 20 else 0.5)

    def _unstable(self, candidates: list[int], wanted: dict[int, int]) -> list[int]:
        """Which of these are not stable yet. Few are asked for one by one: a list of all costs the API server seconds."""
        named = {name(index): index for index in candidates}
        if len(named) > 100:
            all_of_them = self.client.list("FlinkDeployment", NAMESPACE)
            found = [each for each in all_of_them if each["metadata"]["name"] in named]
        else:
            asked = (self.client.get("FlinkDeployment", each, NAMESPACE) for each in named)
            found = [each for each in asked if each is not None]
        stable = {
            index
            for each in found
            for index in [named[each["metadata"]["name"]]]
            if _is_stable(each.get("status") or {}, wanted[index])
        }
        return [index for index in candidates if index not in stable]

    def burst(self, size: int, generation: int) -> tuple[list[float], float]:
        """Change so many resources at once; seconds from each change to the request it leads to, and to the end."""
        chosen = [index * (self.resources // size) for index in range(size)]
        changed: dict[str, float] = {}
        begun = time.monotonic()
        for index in chosen:
            patch = {"spec": {"job": {"args": [f"--generation={generation}"]}}}
            at = time.monotonic()
            found = self.client.patch("FlinkDeployment", name(index), NAMESPACE, patch)
            changed[found["metadata"]["uid"]] = at
        self.wait_stable(dict.fromkeys(chosen, generation), 600.0)
        ended = time.monotonic() - begun
        return [self.stubs.asked[uid] - at for uid, at in changed.items()], ended

    def calls(self) -> Counter[str]:
        """Calls so far."""
        time.sleep(1.5)
        return Counter(json.loads(self.counts.read_text()))


def name(index: int) -> str:
    """Name of a resource."""
    return f"job-{index:04}"


def _is_stable(status: dict[str, Any], generation: int) -> bool:
    return (status.get("lifecycleState"), status.get("observedGeneration")) == ("STABLE", generation)


def processor_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


def memory(pid: int, what: str) -> float:
    """A figure of a process's memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def measure(load: Load, options: argparse.Namespace) -> dict[str, float]:
    """All figures."""
    pid = load.operator.pid
    print(f"making {load.resources} resources", flush=True)
    figures = {"all running after (s)": load.create()}
    figures["processor seconds for each deployment"] = processor_seconds(pid) / load.resources
    print(f"settling for {options.settle} s", flush=True)
    time.sleep(options.settle)
    print(f"at rest for {options.rest} s", flush=True)
    before, begun, used = load.calls(), time.monotonic(), processor_seconds(pid)
    asked = load.stubs.requests
    time.sleep(options.rest)
    after, seconds = load.calls(), time.monotonic() - begun
    at_rest = after - before
    leases = sum(number for call, number in at_rest.items() if "Lease" in call)
    figures["API calls per resource and minute at rest"] = (
        (at_rest.total() - leases) / load.resources / seconds * 60
    )
    figures["looks at a job per minute at rest"] = (
        (load.stubs.requests - asked) / load.resources / seconds * 60
    )
    figures["processor share at rest (%)"] = (processor_seconds(pid) - used) / seconds * 100
    figures["memory (MB)"] = memory(pid, "VmRSS")
    print(f"  calls: {dict(at_rest)}", flush=True)
    print(f"a burst of {options.burst} changes", flush=True)
    before = load.calls()
    latencies, ended = load.burst(options.burst, 2)
    calls = load.calls() - before
    latencies.sort()
    figures["latency p50 (s)"] = statistics.median(latencies)
    figures["latency p99 (s)"] = latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
    figures["burst over after (s)"] = ended
    figures["status writes for each upgrade"] = calls["PUT FlinkDeployment status"] / options.burst
    figures["API calls for each upgrade"] = calls.total() / options.burst
    figures["load average of the machine (a minute)"] = os.getloadavg()[0]
    figures["memory at most (MB)"] = memory(pid, "VmHWM")
    print(f"  calls: {dict(calls)}", flush=True)
    return figures


def main(arguments: list[str]) -> int:
    """Run; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("--resources", type=int, default=1000)
    parser.add_argument("--burst", type=int, default=50)
    parser.add_argument(
        "--settle", type=float, default=90.0, help="seconds between the last job's start and rest"
    )
    parser.add_argument("--rest", type=float, default=120.0, help="seconds that rest is measured")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-load-")))
        server = stack.enter_context(start_api_server(folder))
        client = server.client()
        stack.callback(client.close)
        crds.apply(client)
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        stubs = stack.enter_context(StubJobManagers())
        kubelet = stack.enter_context(StubKubelet(client, stubs))
        operator = OperatorProcess(server, stubs, NAMESPACE, folder)
        stack.callback(operator.stop)
        counts = folder / "counts.json"
        operator.start(PENSTOCK_COUNTS=str(counts), PENSTOCK_WORKERS="8")
        load = Load(kubelet, stubs, operator, counts, options.resources, folder)
        figures = measure(load, options)
    for what, figure in figures.items():
        aim = f"   (aim: below {AIMS[what]:g})" if what in AIMS else ""
        print(f"{what:45} {figure:10.2f}{aim}")
    return int(any(figures[what] >= aim for what, aim in AIMS.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
