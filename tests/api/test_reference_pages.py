"""The reference pages are fresh and name every field and reason."""

from pathlib import Path

import pytest

from penstock_api.crd import KINDS, Kind, build_crd, schema_fields
from penstock_api.docgen import main, render, stale
from penstock_api.reasons import Reason

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def test_committed_pages_are_fresh() -> None:
    assert stale(PAGES) == [], "run `make gen`"


def test_check_names_what_is_not_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "reasons.md").unlink()
    assert main([str(tmp_path), "--check"]) == 1
    assert "reasons.md is not fresh: run `make gen`" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_page_names_every_field_of_the_schema(kind: Kind) -> None:
    schema = build_crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    page = render()[f"{kind.name.lower()}.md"]
    for path in schema_fields(schema):
        _, _, field = path.partition(".")
        assert not field or f"| `{field}` |" in page, path


def test_every_reason_is_on_its_page() -> None:
    page = render()["reasons.md"]
    assert [reason for reason in Reason if f"`{reason.value}`" not in page] == []
