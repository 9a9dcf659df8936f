"""Leader election and pointers in ZooKeeper: kazoo's lock, an ephemeral node with the leader's address, data nodes.

<root>/<cluster-id>/latch/...     contenders, ephemeral and sequential: the lowest leads
<root>/<cluster-id>/leader        the leader's address, ephemeral
<root>/<cluster-id>/pointers/...  written in one transaction with a check that the writer's latch node still exists
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, unquote

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KazooState
from kazoo.recipe.lock import Lock
from kazoo.retry import KazooRetry
from kazoo.security import OPEN_ACL_UNSAFE
from pydantic import ValidationError

from penstock.ha.contract import HighAvailabilityDown, LeaderAddress, NotLeader
from penstock.ha.settings import HaSettings
from penstock.ha.term import Term

log = logging.getLogger(__name__)
_DOWN = (KazooException, KazooTimeoutError, OSError)
_PAUSE_SECONDS = 0.5


class ZooKeeperHa:
    """See HighAvailability. One session, whose end ends the term."""

    def __init__(self, settings: HaSettings) -> None:
        self._timeout = settings.session_timeout
        root = f"{settings.path_root}/{quote(settings.cluster_id, safe='')}"
        self._latch, self._leader, self._pointers = f"{root}/latch", f"{root}/leader", f"{root}/pointers"
        self._term = Term(self._timeout)
        self._node: str | None = None
        self._closed = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: Lock | None = None
        self._client = KazooClient(
            hosts=settings.quorum,
            timeout=self._timeout,
            connection_retry=KazooRetry(max_tries=-1, max_delay=2),
            command_retry=KazooRetry(max_tries=5, max_delay=1),
        )
        self._client.add_listener(self._on_state)
        try:
            self._client.start(timeout=settings.connection_timeout)
            self._client.ensure_path(self._latch)
            self._client.ensure_path(self._pointers)
        except _DOWN as error:
            self._stop_client()
            raise HighAvailabilityDown(f"ZooKeeper at {settings.quorum} does not answer: {error}") from error

    # ------------------------------------------------------------------ election

    def campaign(
        self, address: LeaderAddress, on_gained: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        """See HighAvailability."""
        self._thread = threading.Thread(
            target=self._serve_term, args=(address, on_gained, on_lost), name="zookeeper-term", daemon=True
        )
        self._thread.start()

    @property
    def is_leader(self) -> bool:
        """See HighAvailability."""
        return self._term.is_valid and not self._lost.is_set()

    def _serve_term(
        self, address: LeaderAddress, on_gained: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        lock = self._lock = self._client.Lock(self._latch, address.token)
        while not self._closed.is_set():
            try:
                self._lost.clear()
                if not lock.acquire():
                    continue
                self._node = f"{self._latch}/{lock.node}"
                asked = time.monotonic()
                self._publish(address)
                self._term.begin(asked)
                break
            except _DOWN as error:
                if not self._closed.is_set():
                    log.warning("the election cannot be reached: %s", error)
                self._release(lock)
                self._closed.wait(_PAUSE_SECONDS)
        if self._closed.is_set():
            self._release(lock)
            return
        on_gained()
        why = self._hold()
        self._term.end()
        self._node = None
        self._release(lock)
        on_lost(why)

    def _publish(self, address: LeaderAddress) -> None:
        data = address.model_dump_json().encode()
        for _ in range(10):
            with contextlib.suppress(NoNodeError):
                self._client.delete(self._leader)
            try:
                self._client.create(self._leader, data, ephemeral=True)
                return
            except NodeExistsError:
                continue
        raise OSError(f"{self._leader} is written by somebody else")

    def _hold(self) -> str:
        """Confirm the term until it ends; returns why it has."""
        pause = self._timeout / 6
        while not self._lost.wait(pause):
            if self._closed.is_set():
                return "this JobManager is ending"
            asked = time.monotonic()
            try:
                there = self._client.exists_async(self._node).get(timeout=pause)
            except _DOWN:
                there = True  # not known: the clock decides
                asked = 0.0
            if there is None:
                return "the session has expired"
            if asked and self._term.is_valid:
                self._term.renewed(asked)
            if not self._term.is_valid:
                return f"no answer for {self._timeout:.0f} s"
        return "this JobManager is ending" if self._closed.is_set() else "the session has expired"

    def _release(self, lock: Lock) -> None:
        if self._closed.is_set():
            return  # the node went with the session; asking a closed client is tried again for seconds
        with contextlib.suppress(*_DOWN):
            lock.release()

    def _on_state(self, state: str) -> None:
        if state == KazooState.LOST:
            self._lost.set()

    # ------------------------------------------------------------------ reading and writing

    def leader(self) -> LeaderAddress | None:
        """See HighAvailability."""
        try:
            data, _ = self._client.get(self._leader)
            return LeaderAddress.model_validate_json(data)
        except NoNodeError:
            return None
        except (ValidationError, *_DOWN) as error:
            raise HighAvailabilityDown(f"{self._leader}: {error}") from error

    def read(self, name: str) -> str | None:
        """See HighAvailability."""
        try:
            data, _ = self._client.get(self._path(name))
        except NoNodeError:
            return None
        except _DOWN as error:
            raise HighAvailabilityDown(f"{name}: {error}") from error
        return str(data.decode())

    def names(self) -> list[str]:
        """See HighAvailability."""
        try:
            return sorted(unquote(name) for name in self._client.get_children(self._pointers))
        except _DOWN as error:
            raise HighAvailabilityDown(f"{self._pointers}: {error}") from error

    def write(self, name: str, value: str) -> None:
        """See HighAvailability."""
        path = self._path(name)
        exists = self._change(lambda t: t.set_data(path, value.encode()), missing_is_fine=True)
        if not exists:
            self._change(lambda t: t.create(path, value.encode(), acl=OPEN_ACL_UNSAFE))

    def delete(self, name: str) -> None:
        """See HighAvailability."""
        path = self._path(name)
        self._change(lambda t: t.delete(path), missing_is_fine=True)

    def _change(self, add: Callable[..., None], missing_is_fine: bool = False) -> bool:
        """One change, made only if our latch node still exists. False if what it changes is not there."""
        node = self._node
        if node is None or not self.is_leader:
            raise NotLeader("another JobManager may lead by now")
        try:
            transaction = self._client.transaction()
            transaction.check(node, -1)
            add(transaction)
            held, changed = transaction.commit()
        except _DOWN as error:
            raise HighAvailabilityDown(str(error)) from error
        if isinstance(held, NoNodeError):
            raise NotLeader("another JobManager may lead by now")
        if isinstance(changed, NoNodeError) and missing_is_fine:
            return False
        for outcome in (held, changed):
            if isinstance(outcome, Exception):
                raise HighAvailabilityDown(f"ZooKeeper refused: {outcome!r}")
        return True

    def _path(self, name: str) -> str:
        return f"{self._pointers}/{quote(name, safe='')}"

    def close(self) -> None:
        """See HighAvailability."""
        self._closed.set()
        self._lost.set()
        if self._lock is not None:
            self._lock.cancel()
        self._stop_client()
        if self._thread is not None:
            self._thread.join(5)

    def _stop_client(self) -> None:
        with contextlib.suppress(*_DOWN):
            self._client.stop()
        with contextlib.suppress(*_DOWN):
            self._client.close()
