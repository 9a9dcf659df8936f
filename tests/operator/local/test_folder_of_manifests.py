"""The folder that `local up` follows: files that change, go, or are away with their whole folder for a moment."""

from pathlib import Path

import pytest

from penstock_operator.local import runner as followed
from penstock_operator.local.runner import LocalRunner
from penstock_operator.platforms.local import LocalPlatform

MANIFEST = "kind: FlinkDeployment\nmetadata: {name: clicks}\nspec: {job: {jarURI: job.py, parallelism: 1}}\n"


class Followed:
    """A runner that only looks at its folder."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.platform = LocalPlatform(home)
        self._runner = LocalRunner(self.platform, folder)

    def look(self) -> None:
        self._runner._follow_folder()

    def is_wanted(self) -> bool:
        found = self.platform.store.read("clicks")
        return found is not None and found.metadata.deletion_timestamp is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "manifests"
    made.mkdir()
    (made / "clicks.yaml").write_text(MANIFEST)
    return made


@pytest.fixture
def found(tmp_path: Path, folder: Path) -> Followed:
    made = Followed(tmp_path / "home", folder)
    made.look()
    assert made.is_wanted()
    return made


def test_a_manifest_that_goes_takes_its_resource_with_it(found: Followed, folder: Path) -> None:
    (folder / "clicks.yaml").unlink()
    found.look()
    assert not found.is_wanted()


def test_a_folder_that_is_away_deletes_nothing(found: Followed, folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    found.look()
    assert found.is_wanted()
    folder.with_name("away").rename(folder)
    found.look()
    assert found.is_wanted()


def test_a_manifest_that_goes_while_it_is_looked_at_ends_nothing(
    found: Followed, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder / "gone.yaml"
    with monkeypatch.context() as patched:
        patched.setattr(followed, "manifest_files", lambda paths: [gone, folder / "clicks.yaml"])
        found.look()
    assert found.is_wanted()


def test_a_manifest_that_is_half_written_is_left_as_it_was(found: Followed, folder: Path) -> None:
    (folder / "clicks.yaml").write_text("kind: FlinkDeployment\nmetadata: {name: ")
    found.look()
    assert found.is_wanted()
