"""Custom executors have the last word on a step: they change it or refuse it, and what they get wrong is said in words."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_operator.autoscale.decision import Circumstances, Decision, Memento, decide, observe
from penstock_operator.autoscale.evaluators import EvaluatorFailed
from penstock_operator.autoscale.executors import CustomExecutor, Executor, ProposedScaling
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.observe import evaluators
from tests.operator.autoscale.series import steady, two_vertices

OPTIONS = AutoscalerOptions.from_keys(
    {"job.autoscaler.mode": "active", "job.autoscaler.stabilization.interval": "0 s"}
)
MODULE = """
def only_even(proposed):
    return {vertex: number + number % 2 for vertex, number in proposed.proposed.items()}
def not_above(proposed):
    most = int(proposed.parameters["most"])
    if max(proposed.proposed.values()) > most:
        return f"{most} subtasks are enough for anybody"
"""


def decided(*executors: CustomExecutor) -> Decision:
    """Of a job that is overrun: two slots do half of what comes."""
    graph, memento = two_vertices(2), Memento()
    for sample in steady(1000.0, 1.0, 70, lag_growth=1000.0):
        memento = observe(memento, graph, sample, OPTIONS)
    return decide(memento, graph, OPTIONS, Circumstances(1050.0, executors=executors))


def custom(executor: Executor) -> CustomExecutor:
    return CustomExecutor("mine", executor)


def test_a_step_that_an_executor_changes_is_taken_so() -> None:
    seen: list[ProposedScaling] = []

    def three(proposed: ProposedScaling) -> Mapping[str, int]:
        seen.append(proposed)
        return {"keyed": 3, "source": 100_000}

    def look(proposed: ProposedScaling) -> None:
        seen.append(proposed)

    plain = decided()
    assert plain.target is not None
    found = decided(custom(three), custom(look))
    assert found.target == {"source": 128, "keyed": 3}, "no more than the vertex can ever have"
    assert seen[0].proposed == plain.target
    assert seen[1].proposed == found.target
    assert (seen[0].parallelism, seen[0].names["keyed"]) == ({"source": 2, "keyed": 2}, "count")
    assert seen[0].metrics["keyed"]["TARGET_DATA_RATE"] == pytest.approx(2000.0, rel=0.01)


def test_a_step_that_an_executor_refuses_is_held_with_its_sentence() -> None:
    found = decided(custom(lambda _: "not on Fridays"), custom(lambda _: pytest.fail("it was refused")))
    assert found.target is None
    assert found.held is not None
    assert (found.held.guard, found.held.reason) == ("vetoed", Reason.SCALING_VETOED)
    assert found.held.sentence == "The custom executor 'mine' refuses: not on Fridays"


def test_a_step_that_is_taken_back_whole_is_none() -> None:
    found = decided(custom(lambda proposed: proposed.parallelism))
    assert (found.target, found.held) == (None, None)


def _raises(_: ProposedScaling) -> None:
    raise KeyError("most")


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        (_raises, "raised KeyError: 'most'"),
        (lambda _: {"keyed": 0}, "answered 0 for the vertex 'keyed'"),
        (lambda _: {"keyed": 2.5}, "answered 2.5"),
        (lambda _: {"keyed": True}, "answered True"),
        (lambda _: {"other": 2}, "'other'"),
        (lambda _: 7, "answered 7"),
    ],
)
def test_what_is_no_answer_is_said(executor: Any, said: str) -> None:
    with pytest.raises(EvaluatorFailed) as told:
        decided(custom(executor))
    assert "the custom executor 'mine'" in str(told.value)
    assert said in str(told.value)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Executors as an installer leaves them."""
    info = tmp_path / "executors_of_ours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: executors-of-ours\nVersion: 1.0\n")
    points = ["only-even = executors_of_ours:only_even", "not-above = executors_of_ours:not_above"]
    (info / "entry_points.txt").write_text("\n".join([f"[{evaluators.EXECUTORS}]", *points]))
    (tmp_path / "executors_of_ours.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    evaluators._loaded.cache_clear()
    yield
    evaluators._loaded.cache_clear()
    sys.modules.pop("executors_of_ours", None)


@pytest.mark.usefixtures("installed")
def test_executors_are_found_by_upstreams_keys_and_asked_in_their_order() -> None:
    key = "kubernetes.operator.job.autoscaler.scaling.custom-executor"
    keys = {f"{key}s": "only-even; limit", f"{key}.limit.class": "not-above", f"{key}.limit.most": "6"}
    found = evaluators.executors_of(AutoscalerOptions.from_keys(keys))
    assert [one.name for one in found] == ["only-even", "limit"]
    held = decided(*found).held
    assert held is not None
    assert "6 subtasks are enough for anybody" in held.sentence
    assert evaluators.executors_of(AutoscalerOptions()) == ()
    with pytest.raises(EvaluatorFailed, match="no custom executor 'gone' is installed"):
        evaluators.executors_of(AutoscalerOptions.from_keys({f"{key}s": "gone"}))
