"""The operator's mounted configuration: read from its folder, and read again when it changes.

Called by the operator's process and by the webhook's. A file that cannot be read keeps what was read last, with a warning:
a slip of the pen in a ConfigMap takes nothing down. Safe to use from several threads.
"""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
import yaml

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_operator.configuration.values import Values, problems

log = structlog.get_logger(__name__)

DIRECTORY = "/opt/flink/conf"
_FILES = ("flink-conf.yaml", "config.yaml")
_REDACTED = ("password", "secret", "token", "access-key", "credential", "apikey", "api-key")


class Source:
    """What the folder's files say, with those of the override folder over them."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        folders = (environment.get("FLINK_CONF_DIR") or DIRECTORY, environment.get("CONF_OVERRIDE_DIR"))
        self._folders = tuple(Path(folder) for folder in folders if folder)
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}
        self._refused: str | None = None
        self._listeners: list[Callable[[Mapping[str, str]], None]] = []
        self.poll()

    def current(self) -> Mapping[str, str]:
        """The flat keys as they were read last."""
        with self._lock:
            return self._keys

    @property
    def values(self) -> Values:
        """The same, by type."""
        return Values(self.current())

    def listen(self, listener: Callable[[Mapping[str, str]], None]) -> None:
        """Have the listener called with the keys after each change, from the thread that polls."""
        self._listeners.append(listener)

    def poll(self) -> bool:
        """Read the files again; says whether the keys changed."""
        try:
            found = self._read()
        except (OSError, ValueError, yaml.YAMLError) as error:
            if str(error) != self._refused:
                log.warning("the configuration cannot be read: the last one counts", error=str(error))
            self._refused = str(error)
            return False
        self._refused = None
        with self._lock:
            if found == self._keys:
                return False
            self._keys = found
        log.info("Setting default configuration to " + _shown(found))  # noqa: G003 - upstream's very words
        for wrong in problems(found):
            log.warning("a key of the configuration cannot be read: its default counts", key=wrong)
        for listener in self._listeners:
            listener(found)
        return True

    def _read(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for folder in self._folders:
            for name in _FILES:
                if (folder / name).is_file():
                    body = yaml.safe_load((folder / name).read_text("utf-8"))
                    if body is not None and not isinstance(body, dict):
                        raise ValueError(f"{folder / name} is no map of keys")
                    found.update(flatten_configuration(body))
        return found


class Watcher:
    """Polls a source in a thread, as often as the source itself says."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="configuration", daemon=True)

    def start(self) -> None:
        """Poll from now on, unless `dynamic.config.enabled` is false."""
        if self._source.values.boolean("dynamic.config.enabled"):
            self._thread.start()

    def stop(self) -> None:
        """Stop; blocks until the thread has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval()):
            self._source.poll()

    def _interval(self) -> float:
        found = self._source.values.duration("dynamic.config.check.interval")
        return max(0.05, found.total_seconds()) if found else 300.0


def _shown(keys: Mapping[str, str]) -> str:
    """As upstream writes it; values of keys that sound like secrets are not."""
    pairs = (
        f"{key}={'******' if any(word in key.lower() for word in _REDACTED) else value}"
        for key, value in sorted(keys.items())
    )
    return f"{{{', '.join(pairs)}}}"
