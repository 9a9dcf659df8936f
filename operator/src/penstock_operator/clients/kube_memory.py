"""What the API server answered last, until a watch or a write of ours says that it changed: a resource at rest costs no call.

Held by the Kubernetes client. It answers only inside `recalling()`, which the loop uses for one question alone: is there
anything to do? Whatever is to be done is decided anew from live answers, so an answer that is too old can only delay.
"""

import json
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_WATCHED = 900.0
"""A watch tells of every change, and may have missed one."""
_RARE = 900.0
"""Nobody watches these, and they change at a deploy."""
_CONTENT = 30.0
"""Copies follow their originals that fast."""
SECONDS: dict[str, float] = {
    "FlinkDeployment": _WATCHED,
    "FlinkSessionJob": _WATCHED,
    "Deployment": _WATCHED,
    "Pod": _WATCHED,
    "Namespace": _RARE,
    "PodGroup.scheduling.volcano.sh": _RARE,
    "PodGroup.scheduling.x-k8s.io": _RARE,
    "Service": _RARE,
    "ServiceAccount": _RARE,
    "Secret": _CONTENT,
    "ConfigMap": _CONTENT,
}
"""How old an answer may be, by kind; answers about other kinds are not remembered."""


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    version: str
    """resourceVersion of the object; empty for a list or for nothing."""
    content: bytes


class Memory:
    """Recent answers. A question is an object's name, or `?` and the selector of a list in one namespace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here = threading.local()
        self._answers: dict[tuple[str, str], dict[str, _Answer]] = {}
        self._changes = 0
        self._last: dict[tuple[str, str], int] = {}
        """Which of the changes was the last of a kind in a namespace."""

    @property
    def recalls(self) -> bool:
        """Whether this thread asked for remembered answers."""
        return getattr(self._here, "recalls", False)

    @contextmanager
    def recalling(self) -> Iterator[None]:
        """This thread's reads are answered from memory where it knows the answer."""
        self._here.recalls = True
        try:
            yield
        finally:
            self._here.recalls = False

    def asking(self) -> int:
        """To be had before a call is made, for `note`: the number of changes that were told of until then."""
        return self._changes

    def note(self, kind: str, namespace: str, question: str, answer: Any, since: int) -> None:
        """A live answer to a read.

        Not kept if anything of its kind in its namespace changed since it was asked for: it may be the older one.
        """
        if kind not in SECONDS:
            return
        version = answer["metadata"].get("resourceVersion", "") if isinstance(answer, dict) else ""
        content = zlib.compress(json.dumps(_lean(answer), separators=(",", ":")).encode(), 1)
        with self._lock:
            if self._last.get((kind, namespace), 0) > since:
                return
            about = self._answers.setdefault((kind, namespace), {})
            about[question] = _Answer(time.monotonic(), version, content)

    def answer(self, kind: str, namespace: str, question: str) -> tuple[bool, Any]:
        """Whether it is known, and the answer."""
        with self._lock:
            about = self._answers.get((kind, namespace), {})
            found = about.get(question)
            if found is not None and time.monotonic() - found.at > SECONDS[kind]:
                del about[question]
                found = None
        return (False, None) if found is None else (True, json.loads(zlib.decompress(found.content)))

    def changed(self, kind: str, namespace: str, name: str, version: str = "") -> None:
        """The object changed: answers about it, and lists that it may be in, count no more.

        `version`: the one that it has now, where that is known; an answer that has it already still counts.
        """
        with self._lock:
            if kind in SECONDS:
                self._changes += 1
                self._last[kind, namespace] = self._changes
            about = self._answers.get((kind, namespace))
            if about is not None:
                known = about.get(name)
                if known is not None and version and known.version == version:
                    return
                for question in [held for held in about if held == name or held.startswith("?")]:
                    del about[question]
            if kind == "Namespace":  # with it goes what was in it
                for place in [place for place in self._answers if place[1] == name]:
                    del self._answers[place]
                for place in [place for place in self._last if place[1] == name]:
                    del self._last[place]


def _lean(answer: Any) -> Any:
    """Without the record of field managers, which is half of an object."""
    if isinstance(answer, list):
        return [_lean(item) for item in answer]
    if isinstance(answer, dict) and "metadata" in answer:
        meta = {key: value for key, value in answer["metadata"].items() if key != "managedFields"}
        return {**answer, "metadata": meta}
    return answer
