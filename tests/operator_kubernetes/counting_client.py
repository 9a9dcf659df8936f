"""A client of the API server that counts its calls by verb and collection, and writes the counts to a file."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import urllib3

from penstock_operator.clients.kube import KubeClient
from penstock_operator.clients.kube_kinds import KINDS

_PLURALS = {kind.plural: name for name, kind in KINDS.items()}


class CountingClient(KubeClient):
    """Counts every call; the file has the newest counts once a second."""

    def __init__(self, api: Any, file: Path) -> None:
        super().__init__(api)
        self._file = file
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._closed = threading.Event()
        self._writer = threading.Thread(target=self._write, name="counts", daemon=True)
        self._writer.start()

    def close(self) -> None:
        self._closed.set()
        self._writer.join()
        super().close()

    def _send(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        parts = path.split("/")
        index = max(index for index, part in enumerate(parts) if part in _PLURALS)
        status = " status" if parts[-1] == "status" else ""
        with self._counting:
            self._counts[f"{method} {_PLURALS[parts[index]]}{status}"] += 1
        return super()._send(method, path, *arguments, **options)

    def _write(self) -> None:
        while not self._closed.wait(1.0):
            with self._counting:
                text = json.dumps(self._counts)
            draft = self._file.with_suffix(".draft")
            draft.write_text(text)
            draft.replace(self._file)
