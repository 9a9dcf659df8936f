"""Failpoints tell whoever listens, after every act; an operator as it is installed has nobody who does."""

import subprocess
import sys
from pathlib import Path

import penstock_operator
from penstock_operator.act import failpoints


def test_a_listener_is_told_until_it_is_forgotten() -> None:
    told: list[str] = []
    failpoints.listen(told.append)
    failpoints.reached("Deploy")
    failpoints.forget(told.append)
    failpoints.reached("Stop")
    assert told == ["Deploy"]


def test_the_installed_operator_ignores_the_variable() -> None:
    script = (
        "import penstock_operator.handlers.app\n"
        "from penstock_operator.act import failpoints\n"
        "failpoints.reached('Deploy')\n"
        "print(len(failpoints._listeners))\n"
    )
    environment = {"PENSTOCK_FAILPOINT": "Deploy", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


def test_no_source_of_the_operator_reads_the_variable_or_listens() -> None:
    sources = Path(penstock_operator.__file__).parent.rglob("*.py")
    texts = {path.name: path.read_text("utf-8") for path in sources}
    assert [name for name, text in texts.items() if "PENSTOCK_FAIL" in text] == []
    assert [name for name, text in texts.items() if "failpoints.listen" in text] == []
