"""The operator as a process of its own that a test may kill or let fail: `python -m tests.operator_kubernetes.operator_process`.

The operator's own code from the work queue up; only the client may be made faulty, and the failpoints are listened to.
Environment: the operator's settings, and
`PENSTOCK_FAILPOINT=name[:n]` ends the process when that point is reached for the n-th time (exit code 42), or stops it
there, as a machine that is suspended does, where `PENSTOCK_FAILPOINT_STOPS` is set;
`PENSTOCK_FAULTS=seed:share` makes that share of the API calls fail; `PENSTOCK_STUBS` is the stub JobManagers' URL;
`PENSTOCK_COUNTS=file` has the calls counted there, once a second;
`PENSTOCK_TOPIC=file` is what there is in Kafka (`stub_topic.py`).
"""

import asyncio
import functools
import logging
import os
import signal
import threading
from pathlib import Path
from unittest import mock

from penstock_operator.act import failpoints
from penstock_operator.clients.kube import KubeClient
from penstock_operator.handlers.app import Operator
from penstock_operator.logs import set_up_logs
from penstock_operator.observe.kafka_lag import LagReader
from penstock_operator.reconcile import scale_to_zero
from penstock_operator.settings import Settings
from tests.operator_kubernetes.counting_client import CountingClient
from tests.operator_kubernetes.faulty_client import FaultyClient
from tests.servers.stub_topic import StubBrokers

KILLED = 42


def end_at(point: str) -> failpoints.Listener:
    """A listener that ends or stops the process at `name[:n]`."""
    stops = bool(os.environ.get("PENSTOCK_FAILPOINT_STOPS"))
    wanted, _, number = point.partition(":")
    left = [int(number or 1)]
    lock = threading.Lock()

    def listener(name: str) -> None:
        with lock:
            if name != wanted:
                return
            left[0] -= 1
            if left[0] == 0 and stops:
                os.kill(os.getpid(), signal.SIGSTOP)
            elif left[0] == 0:
                os._exit(KILLED)

    return listener


def main() -> None:
    """Run until killed."""
    settings = Settings.from_environment()
    set_up_logs(settings)
    for chatty in ("aiohttp.access", "kopf.objects", "kopf.activities"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if point := os.environ.get("PENSTOCK_FAILPOINT"):
        failpoints.listen(end_at(point))
    client = KubeClient.from_environment()
    if faults := os.environ.get("PENSTOCK_FAULTS"):
        seed, _, share = faults.partition(":")
        client = FaultyClient.around(client, int(seed), float(share or 0.1))
    if counts := os.environ.get("PENSTOCK_COUNTS"):
        client = CountingClient(client._api, Path(counts))
    if topic := os.environ.get("PENSTOCK_TOPIC"):
        reader = functools.partial(LagReader, lambda _properties, _timeout: StubBrokers(Path(topic)))
        mock.patch.object(scale_to_zero, "LagReader", reader).start()
    base = os.environ["PENSTOCK_STUBS"]
    operator = Operator(settings, client, lambda namespace, name: f"{base}/{namespace}/{name}")
    try:
        asyncio.run(operator.serve())
    finally:
        operator.close()
        client.close()


if __name__ == "__main__":
    main()
