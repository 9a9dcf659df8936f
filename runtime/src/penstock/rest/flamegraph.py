"""GET /jobs/:id/vertices/:vid/flamegraph: where a vertex's subtasks spend their time, from samples of their slots.

The first request starts the sampling and answers that there is nothing yet; later ones show the newest graph, and ask
for a new one when it is older than `rest.flamegraph.refresh-interval`. Samples of a slot are taken once for all its
vertices. Off when `rest.flamegraph.enabled` is false (Flink's default; ours is on, for looking costs little here).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.checkpoint.settings import duration_of
from penstock.control.messages import InspectionSubject
from penstock.jobmanager.clock import now_ms
from penstock.jobmanager.master import Master
from penstock.rest.answers import answer, master_of
from penstock.rest.jobs import executions_of
from penstock.rest.subtasks import vertex_of

TERMINATED, DISABLED, WAITING = -1, -2, -3
"""Flink's end timestamps of graphs that do not exist."""
KINDS = ("FULL", "ON_CPU", "OFF_CPU")
Sample = dict[str, Any]


@dataclass(slots=True)
class SlotSamples:
    """The newest samples of one slot."""

    taken: int = 0
    samples: list[Sample] = field(default_factory=list)


@dataclass(slots=True)
class Sampler:
    """Samples slots on demand and keeps the newest of each; one for each app."""

    master: Master
    slots: dict[str, SlotSamples] = field(default_factory=dict)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def newest(self, slot_ids: Iterable[str]) -> list[SlotSamples]:
        """What is known of these slots; those whose samples are old or absent are asked again."""
        configuration = self.master.configuration
        interval = duration_of(configuration, 60_000, "rest.flamegraph.refresh-interval")
        found = []
        for slot_id in slot_ids:
            known = self.slots.get(slot_id)
            if known is not None:
                found.append(known)
            if (known is None or now_ms() - known.taken >= interval) and slot_id not in self._busy:
                self._busy[slot_id] = asyncio.get_running_loop().create_task(self._sample(slot_id))
        return found

    async def _sample(self, slot_id: str) -> None:
        configuration = self.master.configuration
        try:
            answers = await self.master.inspections.ask_slots(
                [slot_id],
                InspectionSubject.SAMPLES,
                samples=int(configuration.get("rest.flamegraph.num-samples", "100")),
                interval_ms=duration_of(configuration, 20, "rest.flamegraph.delay-between-samples"),
            )
            if slot_id in answers:
                self.slots[slot_id] = SlotSamples(now_ms(), list(answers[slot_id].get("samples", [])))
            present = {
                slot for manager in self.master.registry.taskmanagers.values() for slot in manager.slots
            }
            for gone in set(self.slots) - present:
                del self.slots[gone]
        finally:
            self._busy.pop(slot_id, None)


def tree_of(samples: Iterable[Sample]) -> dict[str, Any]:
    """The samples as a tree of frames, each with the number of samples that it was part of."""
    root: dict[str, Any] = {"name": "root", "value": 0, "children": []}
    nodes: dict[tuple[str, ...], dict[str, Any]] = {(): root}
    for sample in samples:
        count = int(sample["count"])
        path: tuple[str, ...] = ()
        root["value"] += count
        for frame in sample["stack"]:
            parent, path = nodes[path], (*path, str(frame))
            node = nodes.get(path)
            if node is None:
                node = nodes[path] = {"name": str(frame), "value": 0, "children": []}
                parent["children"].append(node)
            node["value"] += count
    return root


def _wanted(sample: Sample, vertex_id: str, index: int | None, kind: str) -> bool:
    if sample["vertex"] != vertex_id or (index is not None and sample["index"] != index):
        return False
    return kind == "FULL" or bool(sample["on_cpu"]) == (kind == "ON_CPU")


async def flamegraph(request: Request) -> Response:
    """GET …/flamegraph, with `?type=` full, on_cpu or off_cpu and `?subtaskindex=`."""
    job, vertex = vertex_of(request)
    if master_of(request).configuration.get("rest.flamegraph.enabled", "true").lower() == "false":
        return answer({"endTimestamp": DISABLED})
    kind = request.query_params.get("type", "full").upper()
    if kind not in KINDS:
        raise HTTPException(400, f"type: {kind.lower()!r} is none of full, on_cpu, off_cpu")
    subtask = request.query_params.get("subtaskindex")
    if subtask and not subtask.isdigit():
        raise HTTPException(400, f"subtaskindex: {subtask!r} is no number")
    index = int(subtask) if subtask else None
    slots = {e.slot_id for e in executions_of(job, vertex) if e.end < 0 and index in (None, e.index)}
    if not slots:
        return answer({"endTimestamp": TERMINATED})
    sampler: Sampler = request.app.state.sampler
    known = sampler.newest(sorted(slots))
    if not known:
        return answer({"endTimestamp": WAITING})
    samples = [s for slot in known for s in slot.samples if _wanted(s, vertex.id, index, kind)]
    return answer({"endTimestamp": max(slot.taken for slot in known), "data": tree_of(samples)})


ROUTES = (Route("/jobs/{job}/vertices/{vertex}/flamegraph", flamegraph),)
