"""One process leads; the next takes over when the Lease is given up or not renewed."""

import threading
import time
from collections.abc import Callable

import pytest

from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import OperatorError
from penstock_operator.handlers.leadership import Leadership, LeaseTerms

pytestmark = pytest.mark.timeout(300)


def contender(
    client: KubeClient, namespace: str, identity: str, seconds: float = 4
) -> tuple[Leadership, threading.Event, threading.Event]:
    """One that seeks the Lease; `seconds`: long where the Lease must not run out, however busy the machine is."""
    found, gained, lost = (
        Leadership(client, LeaseTerms(namespace, "lease", seconds, seconds * 2 / 3), identity),
        threading.Event(),
        threading.Event(),
    )
    found.start(gained.set, lost.set)
    return found, gained, lost


def holder(client: KubeClient, namespace: str) -> str:
    return str((client.get("Lease", "lease", namespace) or {})["spec"]["holderIdentity"])


def until(check: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_lease_that_is_given_up_is_taken_at_once(client: KubeClient, namespace: str) -> None:
    first, first_gained, _ = contender(client, namespace, "first", 120)
    assert first_gained.wait(60)
    second, second_gained, _ = contender(client, namespace, "second", 120)
    assert holder(client, namespace) == "first"
    assert not second_gained.is_set()
    first.stop()
    assert second_gained.wait(60)
    assert holder(client, namespace) == "second"
    second.stop()
    assert holder(client, namespace) == ""


def test_a_lease_that_nobody_renews_is_taken_after_its_time(client: KubeClient, namespace: str) -> None:
    first, first_gained, _ = contender(client, namespace, "first")
    assert first_gained.wait(60)
    first._stopped.set()  # as if the process had died: no renewal, nothing given up
    second, second_gained, _ = contender(client, namespace, "second")
    assert second_gained.wait(60)
    assert holder(client, namespace) == "second"
    second.stop()
    first.is_leader = False


def test_who_finds_another_holder_loses(client: KubeClient, namespace: str) -> None:
    first, gained, lost = contender(client, namespace, "first")
    assert gained.wait(60)

    def usurp() -> bool:
        client.patch("Lease", "lease", namespace, {"spec": {"holderIdentity": "other", "renewTime": None}})
        return lost.is_set()

    until(usurp)
    assert not first.is_leader
    first.stop()
    assert holder(client, namespace) == "other"


def test_a_leader_whose_lease_ran_out_may_write_no_more(client: KubeClient, namespace: str) -> None:
    first, gained, _ = contender(client, namespace, "first")
    first.check("PUT something")  # a process that never led has nothing to be careful about
    assert gained.wait(60)
    first.check("PUT something")
    first._stopped.set()  # held up: no renewal
    until(lambda: refuses(first))
    first.is_leader = False


def test_a_leader_that_gave_the_lease_up_may_write_no_more(client: KubeClient, namespace: str) -> None:
    first, gained, _ = contender(client, namespace, "first", 120)
    assert gained.wait(60)
    first.stop()
    assert refuses(first)


def refuses(leadership: Leadership) -> bool:
    try:
        leadership.check("PUT something")
    except OperatorError as error:
        return "PUT something was not sent" in error.message
    return False
