"""A short fixed sample of `make chaos`: a few faults of a known seed, and every record still counted once."""

from pathlib import Path

import pytest

from tests.chaos.faults import plan
from tests.chaos.run import run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
SEED = 84
FAULTS = 12
SECONDS = 90
RATE = 200


def test_a_sample_of_chaos_loses_and_doubles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nchaos: seed {SEED}")
    outcome = run(tmp_path, SEED, plan(SEED, FAULTS), RATE, SECONDS)
    print(outcome)
    assert not outcome.wrong
    assert outcome.faults.total() >= 3
