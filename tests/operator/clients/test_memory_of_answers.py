"""Remembered answers: only where they are asked for, until a watch, a write or their age ends them."""

import threading

import pytest

from penstock_operator.clients import kube_memory
from penstock_operator.clients.kube_memory import Memory

POD = {"kind": "Pod", "metadata": {"name": "a", "resourceVersion": "7", "managedFields": [{}]}}


@pytest.fixture
def memory() -> Memory:
    found = Memory()
    found.note("Pod", "n", "a", POD, 99)
    found.note("Pod", "n", "?app=a", [POD], 99)
    return found


def test_an_answer_is_kept_without_its_field_managers(memory: Memory) -> None:
    lean = {"kind": "Pod", "metadata": {"name": "a", "resourceVersion": "7"}}
    assert memory.answer("Pod", "n", "a") == (True, lean)
    assert memory.answer("Pod", "n", "?app=a") == (True, [lean])
    assert memory.answer("Pod", "n", "b") == (False, None)


def test_that_there_is_nothing_is_an_answer_too(memory: Memory) -> None:
    memory.note("Namespace", "", "gone", None, 99)
    assert memory.answer("Namespace", "", "gone") == (True, None)


def test_a_change_ends_answers_about_the_object_and_its_lists(memory: Memory) -> None:
    memory.note("Pod", "n", "b", POD, 99)
    memory.changed("Pod", "n", "a", "8")
    assert memory.answer("Pod", "n", "a") == (False, None)
    assert memory.answer("Pod", "n", "?app=a") == (False, None)
    assert memory.answer("Pod", "n", "b")[0]


def test_a_version_that_is_known_changes_nothing(memory: Memory) -> None:
    memory.changed("Pod", "n", "a", "7")
    assert memory.answer("Pod", "n", "a")[0]
    assert memory.answer("Pod", "n", "?app=a")[0]


def test_with_a_namespace_goes_what_was_in_it(memory: Memory) -> None:
    memory.changed("Namespace", "", "n")
    assert memory.answer("Pod", "n", "a") == (False, None)


def test_an_answer_that_was_asked_for_before_a_change_is_not_kept(memory: Memory) -> None:
    """A slow answer would otherwise hide a deletion until it grows too old."""
    since = memory.asking()
    memory.changed("Pod", "n", "a", "8")
    memory.note("Pod", "n", "a", POD, since)
    memory.note("Pod", "n", "?app=a", [POD], since)
    assert memory.answer("Pod", "n", "a") == (False, None)
    assert memory.answer("Pod", "n", "?app=a") == (False, None)
    memory.note("Pod", "n", "a", POD, memory.asking())
    assert memory.answer("Pod", "n", "a")[0]


def test_other_kinds_are_not_remembered(memory: Memory) -> None:
    memory.note("Lease", "n", "lease", {"metadata": {}}, 99)
    assert memory.answer("Lease", "n", "lease") == (False, None)


def test_an_answer_grows_too_old(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kube_memory.SECONDS, "Pod", -1.0)
    assert memory.answer("Pod", "n", "a") == (False, None)


def test_only_the_thread_that_asked_recalls(memory: Memory) -> None:
    seen: list[bool] = []
    with memory.recalling():
        thread = threading.Thread(target=lambda: seen.append(memory.recalls))
        thread.start()
        thread.join()
        assert memory.recalls
    assert not memory.recalls
    assert seen == [False]
