"""A decision in plain sentences, for people. Called by `kubectl penstock autoscale` and by the recording. Pure."""

import math
from collections.abc import Iterator

from penstock_operator.autoscale.decision import Decision
from penstock_operator.autoscale.evaluation import VertexEvaluation
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.autoscale.recommend import VertexAdvice

_MODES = {
    Mode.OFF: "The autoscaler is off: nothing is collected.",
    Mode.ADVISE: "The autoscaler advises: what it would do is shown and not done.",
    Mode.ACTIVE: "The autoscaler is active: what it decides is done.",
}


def sentences(decision: Decision, options: AutoscalerOptions) -> Iterator[str]:
    """What was looked at, what it showed, what follows, and what holds it back."""
    yield _MODES[options.effective_mode]
    window, why = decision.regime.window, decision.regime.why
    if not window or decision.evaluation is None:
        yield f"Nothing is decided yet: {why}."
        return
    yield f"It looked at {len(window)} samples of {span(window[-1].at - window[0].at)}: {why}."
    if decision.regime.growth > 0:
        yield f"The load grows by {decision.regime.growth * 3600:.0%} an hour."
    for one in decision.evaluation.vertices.values():
        yield _vertex(one)
    if decision.evaluation.has_backlog:
        limit = span(options.backlog_threshold.total_seconds())
        yield f"More than {limit} of input wait: until that is worked off nothing is scaled down."
    yield from _verdict(decision, options)


def _vertex(one: VertexEvaluation) -> str:
    vertex = one.vertex
    busy = "is busy for an unknown share" if math.isnan(one.load) else f"is busy for {one.load:.0%}"
    head = f"{vertex.name!r} (parallelism {vertex.parallelism}) {busy} of its time"
    if math.isnan(one.true_rate):
        return f"{head}: what it could do is not known, so it stays."
    could = "far more than it gets" if math.isinf(one.true_rate) else f"{rate(one.true_rate)}"
    waits = f"; {one.lag:,.0f} records wait before it" if one.lag > 0 else ""
    text = f"{head}, could do {could} and has to do {rate(one.target_rate)}{waits}"
    if one.is_short:
        return f"{text}: too little, for it needs {rate(one.upper_rate)} at least."
    if one.is_idle:
        return f"{text}: more than it needs, for {rate(one.lower_rate)} would do."
    return f"{text}: within its bounds ({rate(one.upper_rate)} to {rate(one.lower_rate)})."


def _verdict(decision: Decision, options: AutoscalerOptions) -> Iterator[str]:
    pause = decision.evaluation.restart_seconds if decision.evaluation is not None else 0.0
    for vertex_id, wish in decision.memento.waiting.items():
        if decision.advice is None or vertex_id not in decision.advice.vertices:
            continue
        one = decision.advice.vertices[vertex_id]
        if one.proposed == one.current:
            passed, whole = decision.at - wish.since, options.scale_down_interval.total_seconds()
            yield (
                f"{name_of(decision, vertex_id)!r} could go down to {wish.settled}: that has been so for {span(passed)} "
                f"and is done after {span(whole)} (job.autoscaler.scale-down.interval)."
            )
    if decision.advice is None or not decision.advice.changes:
        yield "Nothing is to be changed."
        return
    for one in decision.advice.vertices.values():
        if one.proposed != one.current:
            yield _step(decision, one)
    if decision.held is not None:
        yield f"Held back by the guard {decision.held.guard!r}: {decision.held.sentence}."
    elif options.effective_mode is Mode.ACTIVE:
        yield f"Nothing holds it back; a pause of {span(pause)} is expected."
    else:
        yield f"In mode active it would be done now, with a pause of {span(pause)}."


def _step(decision: Decision, one: VertexAdvice) -> str:
    notes: list[str] = []
    if one.proposed != one.raw:
        notes.append(
            f"{one.raw} by its load, fitted to its partitions or key groups, or to the room there is"
        )
    text = f"{name_of(decision, one.vertex_id)!r} should go from {one.current} to {one.proposed}"
    return f"{text} ({'; '.join(notes)})." if notes else f"{text}."


def cause(decision: Decision) -> str:
    """Why something is wished for, in one sentence: the vertex that is furthest out of its bounds."""
    if decision.evaluation is None:
        return decision.regime.why
    grows = decision.advice is not None and decision.advice.grows
    found = [one for one in decision.evaluation.vertices.values() if (one.is_short if grows else one.is_idle)]
    if not found:
        return f"the bounds that hold now ask for it ({decision.regime.why})"
    worst = min(found, key=lambda one: _reserve(one) if grows else -_reserve(one))
    could = "far more" if math.isinf(worst.true_rate) else rate(worst.true_rate)
    waits = sum(one.lag for one in decision.evaluation.vertices.values())
    text = f"{worst.vertex.name!r} has to do {rate(worst.target_rate)} and could do {could}"
    lag = f", {waits:,.0f} records wait" if waits >= 1 else ""
    return f"{text}{lag} ({decision.regime.why})"


def _reserve(one: VertexEvaluation) -> float:
    return one.true_rate / max(one.target_rate + one.catch_up_rate, 1e-9)


def name_of(decision: Decision, vertex_id: str) -> str:
    """The vertex's name; its id where it is not known."""
    found = decision.evaluation.vertices.get(vertex_id) if decision.evaluation is not None else None
    return found.vertex.name if found is not None else vertex_id


def rate(value: float) -> str:
    """Records a second, for people."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "any number"
    return f"{value:,.0f}/s" if value >= 10 or value == 0 else f"{value:.1f}/s"


def span(seconds: float) -> str:
    """A time span in its largest fitting unit."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
