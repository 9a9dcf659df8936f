"""`python -m benchmarks` names what it can run, refuses what it cannot, and runs what it is told in that order."""

from types import ModuleType

import pytest

from benchmarks import __main__ as command_line
from benchmarks.__main__ import BENCHMARKS, main


def test_help_names_every_benchmark_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for name in (*BENCHMARKS, "peers"):
        line = next(line for line in said.splitlines() if line.strip().startswith(f"{name} "))
        assert line.endswith(".")


def test_an_unknown_name_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rescale", "rescael"])
    assert ended.value.code == 2
    assert "there is no benchmark 'rescael'; there are record_functions" in capsys.readouterr().err


def test_benchmarks_run_in_the_order_in_which_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    for name in BENCHMARKS:
        module = ModuleType(name)
        module.main = lambda name=name: ran.append(name)  # type: ignore[attr-defined]
        monkeypatch.setitem(command_line.BENCHMARKS, name, module)
    assert main(["rescale", "memory"]) == 0
    assert ran == ["rescale", "memory"]
    ran.clear()
    assert main([]) == 0
    assert ran == list(BENCHMARKS)
