"""How the autoscaler's view of a job is shown: sentences, tables, JSON. Pure; called by `autoscale.py`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from penstock_api.v1beta1.autoscaler import AutoscalerStatus
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.autoscale.decision import Decision
from penstock_operator.autoscale.evaluation import VertexEvaluation
from penstock_operator.autoscale.explain import rate, sentences, span
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.recording import Act, ActKind, Recording
from penstock_operator.autoscale.replay import Replayed

Json = Mapping[str, object]
_VERTICES = (
    "VERTEX",
    "NOW",
    "WANTED",
    "BUSY",
    "GETS",
    "COULD DO",
    "HAS TO DO",
    "MORE BELOW",
    "LESS ABOVE",
    "LAG",
)


def explained(
    console: Console, resource: FlinkDeployment, made: Decision | None, options: AutoscalerOptions
) -> None:
    """Sentences, then the vertices as a table."""
    status = resource.status.autoscaler
    if made is None:
        for line in _of_status(status):
            line_to(console, line)
        if status is not None and status.vertices:
            console.print(_status_table(status))
        return
    age = max(0.0, datetime.now(tz=UTC).timestamp() - made.at)
    line_to(console, f"{resource.metadata.namespace}/{resource.metadata.name}, as seen {span(age)} ago:")
    for line in sentences(made, options):
        line_to(console, f"  {line}")
    if status is not None and status.overrides:
        ran = ", ".join(f"{key}:{number}" for key, number in status.overrides.items())
        line_to(
            console,
            f"  The job runs with what it decided at {status.scaled_at} ({ran}); the spec is as it was.",
        )
    if made.evaluation is not None:
        console.print()
        console.print(_decision_table(made))


def _of_status(status: AutoscalerStatus | None) -> Iterator[str]:
    if status is None:
        yield "Nothing was seen of the job yet: samples are taken while it runs."
        return
    yield f"The mode is {status.mode}. What follows is as of the last change of the recommendation."
    yield f"It looked at: {status.window}." if status.window else "Nothing was decided yet."
    if status.held is not None:
        yield f"Held back by the guard {status.held.guard!r}: {status.held.message}."


def _decision_table(made: Decision) -> Table:
    table = _table(_VERTICES)
    advised = made.advice.parallelism if made.advice is not None else {}
    for key, one in made.evaluation.vertices.items() if made.evaluation is not None else ():
        table.add_row(
            one.vertex.name, str(one.vertex.parallelism), str(advised.get(key, one.vertex.parallelism)),
            "-" if math.isnan(one.load) else f"{one.load:.0%}", rate(one.input_rate), rate(one.true_rate),
            rate(one.target_rate), rate(one.upper_rate), rate(one.lower_rate), f"{one.lag:,.0f}",
        )  # fmt: skip
    return table


def _status_table(status: AutoscalerStatus) -> Table:
    table = _table(
        ("VERTEX", "NOW", "WANTED", "BUSY", "COULD DO", "HAS TO DO", "MORE BELOW", "LESS ABOVE", "LAG")
    )
    for one in status.vertices:
        table.add_row(
            one.name or one.id, str(one.parallelism), str(one.recommended), one.load or "-", one.true_rate or "-",
            one.target_rate or "-", one.upper_rate or "-", one.lower_rate or "-", f"{one.lag:,}",
        )  # fmt: skip
    return table


def _table(heads: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        table.add_column(head, overflow="fold", justify="left" if head == heads[0] else "right")
    return table


def explained_json(resource: FlinkDeployment, made: Decision | None, options: AutoscalerOptions) -> Json:
    """The same as a value; figures that are not known are null, unlimited ones "Infinity"."""
    status = resource.status.autoscaler
    base: dict[str, object] = {
        "namespace": resource.metadata.namespace,
        "name": resource.metadata.name,
        "mode": options.effective_mode.value,
        "overrides": dict(status.overrides) if status is not None else {},
    }
    if made is None:
        found = status.to_wire() if status is not None else {}
        return {
            **base,
            "at": None,
            "sentences": list(_of_status(status)),
            "vertices": found.get("vertices", []),
        }
    evaluations = made.evaluation.vertices.values() if made.evaluation is not None else ()
    held = made.held
    return {
        **base,
        "at": _time(made.at),
        "window": made.regime.why,
        "samples": len(made.regime.window),
        "sentences": list(sentences(made, options)),
        "vertices": [_vertex_json(one, made) for one in evaluations],
        "held": None
        if held is None
        else {"guard": held.guard, "reason": held.reason.value, "message": held.sentence},
        "target": made.target,
        "waiting": {key: asdict(one) for key, one in made.memento.waiting.items()},
        "restartSeconds": made.evaluation.restart_seconds if made.evaluation is not None else None,
    }


def _vertex_json(one: VertexEvaluation, made: Decision) -> Json:
    advised = made.advice.parallelism if made.advice is not None else {}
    return {
        "id": one.vertex.id,
        "name": one.vertex.name,
        "parallelism": one.vertex.parallelism,
        "recommended": advised.get(one.vertex.id, one.vertex.parallelism),
        "load": _figure(one.load),
        "inputRate": _figure(one.input_rate),
        "trueRate": _figure(one.true_rate),
        "targetRate": _figure(one.target_rate),
        "catchUpRate": _figure(one.catch_up_rate),
        "upperRate": _figure(one.upper_rate),
        "lowerRate": _figure(one.lower_rate),
        "lag": one.lag,
    }


def history(console: Console, acts: Sequence[Act], name: str) -> None:
    """One line a decision, oldest first."""
    if not acts:
        line_to(console, f"the autoscaler decided nothing of {name} yet")
        return
    table = Table(box=None, pad_edge=False, header_style="")
    for head in ("AT", "WHAT", "CHANGE", "WHY", "OUTCOME"):
        table.add_column(head, overflow="fold")
    for act in acts:
        changes = ", ".join(
            f"{one.name or one.vertex_id}: {one.before} -> {one.after}" for one in act.changes
        )
        often = f"{act.kind.value} x{act.times}" if act.times > 1 else act.kind.value
        table.add_row(_time(act.at), often, changes, act.cause, outcome(act))
    console.print(table)


def outcome(act: Act) -> str:
    """What became of a decision, in a sentence."""
    if act.kind is ActKind.HELD:
        return f"held back by {act.guard!r}" + (f" until {_time(act.until)}" if act.times > 1 else "")
    if act.kind is ActKind.ADVISED:
        return "shown only: the mode was advise"
    if act.ran_at is None:
        return "the job has not been seen running since"
    after = f"ran again after {span(max(0.0, act.ran_at - act.at))}"
    if act.pause is not None:
        after += f", paused for {span(act.pause)}"
    if act.reached is False:
        after += ", with another parallelism than was wished for"
    return after if act.lag_after is None else f"{after}; lag {act.lag:,.0f} -> {act.lag_after:,.0f} in 5 min"


def acts_json(acts: Sequence[Act]) -> list[Json]:
    """The same as values."""
    return [
        {
            "at": _time(act.at),
            "until": _time(act.until),
            "times": act.times,
            "kind": act.kind.value,
            "changes": [asdict(one) for one in act.changes],
            "cause": act.cause,
            "guard": act.guard or None,
            "outcome": outcome(act),
            "lag": act.lag,
            "lagAfter": act.lag_after,
            "pauseSeconds": act.pause,
            "reached": act.reached,
        }
        for act in acts
    ]


def replayed_json(result: Replayed, wanted: Mapping[str, str]) -> Json:
    """A replay as a value."""
    return {
        "settings": dict(wanted),
        "recorded": asdict(result.recorded),
        "replayed": asdict(result.replayed),
        "moves": [{**asdict(one), "at": _time(one.at)} for one in result.moves],
        "held": dict(result.held),
        "points": [{**asdict(one), "at": _time(one.at)} for one in result.points],
    }


def doubts(recording: Recording) -> str | None:
    """Why a replay of this recording says less than it seems to; None where nothing speaks against it."""
    if any(act.guard == "ineffective" for act in recording.acts):
        return (
            "While this was recorded, more parallelism brought nothing (a hot key, a slow dependency). A replay takes "
            "it that it does: believe it only near the parallelism that was recorded."
        )
    return None


def line_to(console: Console, text: str) -> None:
    """A line as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _figure(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return "Infinity" if math.isinf(value) else round(value, 4)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
