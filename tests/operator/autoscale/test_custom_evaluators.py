"""The example of a custom evaluator, found as it would be where it is installed; what others get wrong is said in words."""

import importlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from penstock_operator.autoscale.decision import Circumstances, Decision, Memento, decide, observe
from penstock_operator.autoscale.evaluators import Custom, EvaluatedVertex, EvaluatorFailed
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.observe import evaluators
from tests.operator.autoscale.series import steady, two_vertices

EXAMPLE = Path(__file__).parents[3] / "examples" / "evaluator"
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
NIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC).timestamp()
KEYS = {
    "job.autoscaler.mode": "active",
    "job.autoscaler.metrics.window": "5 min",
    "job.autoscaler.stabilization.interval": "0 s",
    "job.autoscaler.metrics.custom-evaluators": "business-hours",
    "job.autoscaler.metrics.custom-evaluator.business-hours.least": "8000",
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example as an installer leaves it: its module and its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    info = tmp_path / "business_hours_evaluator-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = [f"{name} = {where}" for name, where in project["entry-points"][evaluators.GROUP].items()]
    (info / "entry_points.txt").write_text(
        "\n".join([f"[{evaluators.GROUP}]", *lines, "broken = no.such:thing"])
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLE)
    importlib.invalidate_caches()
    evaluators._loaded.cache_clear()
    yield
    evaluators._loaded.cache_clear()
    sys.modules.pop("business_hours", None)


def decided(options: AutoscalerOptions, at: float) -> Decision:
    """After a window of 1,000 records a second at half of what two slots can do."""
    graph, memento = two_vertices(2, since=at - 600), Memento()
    for sample in steady(1000.0, 0.5, 40, start=at):
        memento = observe(memento, graph, sample, options)
    around = Circumstances(at + 600, custom=evaluators.evaluator_of(options))
    return decide(memento, graph, options, around)


@pytest.mark.usefixtures("installed")
def test_the_example_is_ready_before_the_offices_open() -> None:
    options = AutoscalerOptions.from_keys(KEYS)
    open_, closed = decided(options, NINE), decided(options, NIGHT)
    assert open_.evaluation is not None
    assert open_.evaluation.vertices["source"].target_rate == 8000
    assert open_.evaluation.vertices["keyed"].target_rate == pytest.approx(8000), (
        "what follows a source follows it"
    )
    assert open_.target is not None
    assert open_.target["keyed"] > 8
    assert closed.evaluation is not None
    assert closed.evaluation.vertices["source"].target_rate == pytest.approx(1000)


@pytest.mark.usefixtures("installed")
def test_class_names_the_entry_point_as_upstreams_key_does() -> None:
    name = "job.autoscaler.metrics.custom-evaluator"
    keys = {**KEYS, "job.autoscaler.metrics.custom-evaluators": "mine; another"}
    keys |= {f"{name}.mine.class": "business-hours", f"{name}.mine.least": "9000"}
    found = evaluators.evaluator_of(AutoscalerOptions.from_keys(keys))
    assert found is not None
    assert (found.name, dict(found.parameters)) == ("mine", {"least": "9000"})


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "no custom evaluator 'nobody' is installed .*business-hours"),
        ("broken", "cannot be loaded"),
    ],
)
def test_one_that_is_not_there_is_named(name: str, said: str) -> None:
    options = AutoscalerOptions.from_keys({**KEYS, "job.autoscaler.metrics.custom-evaluators": name})
    with pytest.raises(EvaluatorFailed, match=said):
        evaluators.evaluator_of(options)


def test_none_is_asked_for_and_none_is_looked_for() -> None:
    assert evaluators.evaluator_of(AutoscalerOptions()) is None


def raises(one: EvaluatedVertex) -> Mapping[str, float]:
    raise KeyError("least")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"LOAD": 1.0}, "answered 'LOAD', which is none of"),
        ({"TARGET_DATA_RATE": -1.0}, "a rate is 0 or more"),
        ({"TARGET_DATA_RATE": float("nan")}, "a rate is 0 or more"),
        ({"TARGET_DATA_RATE": "many"}, "a rate is 0 or more"),
        (None, "raised TypeError"),
    ],
)
def test_an_answer_that_cannot_be_is_said_in_words(answer: Mapping[str, float], said: str) -> None:
    options = AutoscalerOptions()
    graph, memento = two_vertices(since=-10_000), Memento()
    for sample in steady(1000.0, 0.5, 70):
        memento = observe(memento, graph, sample, options)
    for custom, sentence in (
        (Custom("mine", lambda one: answer), said),
        (Custom("mine", raises), "raised KeyError"),
    ):
        with pytest.raises(EvaluatorFailed, match=sentence):
            decide(memento, graph, options, Circumstances(1050.0, custom=custom))
