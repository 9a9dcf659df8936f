"""Rules of the tree that no linter knows: module sizes, docstrings, the operator folder, names that say nothing."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for part in ("crds/src", "operator/src", "runtime/src") for path in (ROOT / part).rglob("*.py")
)
EVERYTHING = sorted(
    path
    for part in ("crds", "operator", "runtime", "helm", "images", "examples", "e2e", "benchmarks")
    for path in (ROOT / part).rglob("*")
    if path.suffix in {".py", ".yaml", ".sh", ".tpl", ".toml"} or path.name == "Containerfile"
)
MAX_LINES = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "misc"}


def test_operator_folder_is_not_a_package() -> None:
    # With an __init__.py, `import operator` from the repository's root would find it instead of the standard library.
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES, f"{path} has more than {MAX_LINES} lines: split it by idea"
    assert ast.get_docstring(ast.parse(text)), f"{path} has no module docstring"
    assert path.stem not in NAMES_THAT_SAY_NOTHING, f"{path}: name the idea"


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_listens_on_every_address(path: Path) -> None:
    # A listener names its address: loopback, the pod's own, a bridge that was made for it. "0.0.0.0/0" is a route.
    found = re.findall(
        r"""\b0\.0\.0\.0\b(?!/0)|host\s*=\s*["']::["']|["']\[::\]""", path.read_text(encoding="utf-8")
    )
    assert not found, f"{path} names the address of every interface"


def test_generated_resource_definitions_are_fresh(tmp_path: Path) -> None:
    from penstock_api import crdgen

    crdgen.main([str(tmp_path)])
    fresh = {path.name: path.read_text() for path in tmp_path.glob("*.yaml")}
    assert fresh
    committed = {name: (ROOT / "crds" / name).read_text() for name in fresh}
    assert committed == fresh, "run `make gen` and commit the result"
