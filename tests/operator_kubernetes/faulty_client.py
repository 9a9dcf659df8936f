"""A client of the API server whose calls fail now and then, by a seed: refused before, or unanswered after, their effect."""

import random
import threading
from typing import Any, Self

import urllib3

from penstock_api.reasons import Reason
from penstock_operator.clients.kube import KubeClient
from penstock_operator.clients.kube_errors import error_of
from penstock_operator.errors import ExternalError

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class FaultyClient(KubeClient):
    """Fails a share of its calls: 409 (writes), 429, 500, timeouts before the effect, and answers lost after it."""

    def __init__(self, api: Any, seed: int, share: float) -> None:
        super().__init__(api)
        self._random = random.Random(seed)
        self._share = share
        self._lock = threading.Lock()
        self.injected: dict[str, int] = {}

    @classmethod
    def around(cls, client: KubeClient, seed: int, share: float) -> Self:
        """On the connection of another client."""
        return cls(client._api, seed, share)

    def _send(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        fault = self._choose(method, path)
        if fault is None:
            return super()._send(method, path, *arguments, **options)
        what = f"{method} {path}"
        if fault == "lost":
            # The effect is there and the answer is not.
            super()._send(method, path, *arguments, **options).read()
            raise _timeout(what)
        if fault == "timeout":
            raise _timeout(what)
        raise error_of(int(fault), b'{"message": "injected by the test"}', what)

    def _choose(self, method: str, path: str) -> str | None:
        if "/leases/" in path:  # losing the Lease ends the process: another test's subject
            return None
        with self._lock:
            if self._random.random() >= self._share:
                return None
            kinds = ["429", "500", "timeout"]
            if method in _WRITES:
                kinds += ["409", "lost"]
            fault = self._random.choice(kinds)
            self.injected[fault] = self.injected.get(fault, 0) + 1
            return fault


def _timeout(what: str) -> ExternalError:
    return ExternalError(Reason.ERROR, f"the API server did not answer {what}: injected by the test")
