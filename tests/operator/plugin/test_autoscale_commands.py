"""`kubectl penstock autoscale` on what a real job under the operator left: replays of a saved recording, and its refusals."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock_operator.autoscale.recording_codec import unpack
from penstock_operator.plugin.autoscale_settings import keys_with, normal
from penstock_operator.plugin.cluster import PluginError
from penstock_operator.plugin.commands import app

REAL = Path(__file__).parents[1] / "autoscale" / "real_job.recording"
"""Of the local job in tests/integration/test_autoscaler.py: eight times the load, and back."""


def run(*words: str) -> str:
    """The command's answer; an error of it is raised."""
    result = CliRunner().invoke(app, ["autoscale", *words])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_real_job_is_replayed_and_drawn() -> None:
    text = run("replay", "--file", str(REAL))
    assert "slots, recorded" in text
    assert "records that wait, replayed" in text
    assert "█" in text
    assert "1 -> 2 slots" in text


def test_other_settings_show_another_course_as_values() -> None:
    whole = json.loads(run("replay", "--file", str(REAL), "-o", "json"))
    bound = json.loads(run("replay", "--file", str(REAL), "-o", "json", "--set", "vertex.max-parallelism=1"))
    assert whole["recorded"] == bound["recorded"]
    assert whole["recorded"]["rescales"] == 2
    assert bound["replayed"]["rescales"] == 0
    assert bound["replayed"]["worst_lag_seconds"] > whole["replayed"]["worst_lag_seconds"]
    assert bound["settings"] == {"vertex.max-parallelism": "1"}


def test_a_recording_is_saved_as_it_is_and_drawn_as_a_page(tmp_path: Path) -> None:
    saved, page = tmp_path / "saved", tmp_path / "page.html"
    run("replay", "--file", str(REAL), "--save", str(saved), "--html", str(page))
    assert unpack(saved.read_bytes()) == unpack(REAL.read_bytes())
    text = page.read_text("utf-8")
    assert text.count("<svg") == 2
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "metrics.windows=5 min"), "did you mean metrics.window?"),
        (("--set", "metrics.window"), "write key=value"),
        (("--set", "metrics.window=soon"), "is not a duration"),
        (("--set", "vertex.min-parallelism=9", "--set", "vertex.max-parallelism=2"), "is above"),
        (("a-name-too",), "name a FlinkDeployment, or a saved recording"),
        (("--save", "/nowhere/at/all"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_in_words(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(PluginError, match=r".+") as error:
        run("replay", "--file", str(REAL), *words)
    assert said in str(error.value)


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("hello")
    with pytest.raises(PluginError, match="no recording of the autoscaler"):
        run("replay", "--file", str(other))
    with pytest.raises(PluginError, match="cannot be read"):
        run("replay", "--file", str(tmp_path / "none"))


def test_settings_are_taken_with_and_without_their_prefix() -> None:
    assert normal(["job.autoscaler.utilization.target=0.5"]) == normal(["utilization.target = 0.5"])
    assert keys_with({"enabled": "true"}, {"enabled": "false"}) == {"job.autoscaler.enabled": "false"}
