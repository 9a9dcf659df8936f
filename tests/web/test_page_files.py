"""The page's files refer to each other by names that the JobManager serves."""

import re
from pathlib import Path

import pytest

from penstock import web

FOLDER = web.folder()
REFERENCES = re.compile(r'(?:src|href)="([^"#:]+\.(?:js|css))"|from "\./([^"]+)"')


def references(path: Path) -> set[str]:
    """Names of files that this one loads."""
    return {first or second for first, second in REFERENCES.findall(path.read_text(encoding="utf-8"))}


def test_the_front_door_loads_script_and_style() -> None:
    assert references(FOLDER / "index.html") == {"page.js", "page.css"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.*")), ids=lambda path: path.name)
def test_everything_that_a_file_loads_is_there(path: Path) -> None:
    missing = {name for name in references(path) if not (FOLDER / name).is_file()}
    assert not missing


def test_every_file_is_loaded_by_another() -> None:
    loaded = {name for path in FOLDER.glob("*.*") for name in references(path)}
    assert {path.name for path in FOLDER.glob("*.*")} == loaded | {"index.html"}


def test_nothing_comes_from_the_internet() -> None:
    for path in FOLDER.glob("*.*"):
        assert not re.search(r'(?:src|href|from)\s*=?\s*"https?:', path.read_text(encoding="utf-8")), path
