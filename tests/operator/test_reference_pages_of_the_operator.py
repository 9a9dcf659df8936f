"""The operator's reference pages are fresh, every key of upstream's is on them, and a key that is said to count is read."""

from pathlib import Path

import pytest

from penstock_operator.configuration.options import BY_KEY, OPTIONS
from penstock_operator.reference import main, render, stale

ROOT = Path(__file__).parents[2]
UPSTREAM = (Path(__file__).parent / "configuration" / "upstream_keys.txt").read_text().split()
FORMER = {
    "reconciler.reschedule.interval": "reconcile.interval",
    "reconciler.max.parallelism": "reconcile.parallelism",
    "observer.savepoint.trigger.grace-period": "savepoint.trigger.grace-period",
    "observer.flink.client.timeout": "flink.client.timeout",
    "reconciler.flink.cancel.job.timeout": "flink.client.cancel.timeout",
    "reconciler.flink.cluster.shutdown.timeout": "resource.cleanup.timeout",
    "reconciler.jm-deployment-recovery.enabled": "jm-deployment-recovery.enabled",
    "session.block-on-unmanaged-jobs": "session.deletion.block-on-unmanaged-jobs",
}


def test_pages_are_fresh() -> None:
    assert stale(ROOT / "docs" / "reference") == [], "run `make gen`"


def test_a_stale_page_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "operator-metrics.md").write_text("old")
    assert main([str(tmp_path), "--check"]) == 1
    assert "operator-metrics.md is not fresh" in capsys.readouterr().err


@pytest.mark.parametrize("key", UPSTREAM)
def test_a_key_of_upstreams_is_on_the_page(key: str) -> None:
    assert f"| `{key}` |" in render()["operator-configuration.md"]


@pytest.mark.parametrize(("old", "new"), FORMER.items())
def test_a_former_name_is_read(old: str, new: str) -> None:
    assert old in BY_KEY[new].former


def test_a_key_that_counts_is_read_somewhere_and_one_that_does_nothing_is_not() -> None:
    source = ROOT / "operator" / "src" / "penstock_operator"
    table = source / "configuration" / "options.py"
    text = "\n".join(path.read_text("utf-8") for path in source.rglob("*.py") if path != table)
    unread = [option.key for option in OPTIONS if option.is_honoured and f'{option.key}"' not in text]
    assert unread == []
    read = [option.key for option in OPTIONS if not option.is_honoured and f'"{option.key}"' in text]
    assert read == []
