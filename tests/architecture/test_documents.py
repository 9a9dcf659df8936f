"""What the documents say can be followed: links lead somewhere, manifests are of this version, commands and their flags are there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from penstock.launch.cli import app as penstock
from penstock_api.crd import KINDS, build_crd
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.__main__ import app as penstock_operator
from penstock_operator.decide.validate import validate
from penstock_operator.plugin.commands import app as plugin

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for place in ("README.md", "CONTRIBUTING.md", "benchmarks", "docs", "examples")
    for path in ([ROOT / place] if place.endswith(".md") else (ROOT / place).rglob("*.md"))
)
MANIFESTS = sorted((ROOT / "examples").rglob("deployment.yaml"))
SCHEMAS: dict[str, Any] = {
    found["spec"]["names"]["kind"]: found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for found in map(build_crd, KINDS)
}
COMMANDS = {
    "penstock": penstock,
    "penstock-operator": penstock_operator,
    "kubectl penstock": plugin,
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ +(.*?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_are_named_exist(page: Path) -> None:
    """Paths from the root of the repository, as `tests/servers/kafka.py`."""
    places = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._")
    wanted = re.findall(rf"`((?:{places})/[\w./-]+\.(?:py|md|yaml|lua|txt))`", page.read_text("utf-8"))
    # Of a package's own modules the map and the internals name the path in the package.
    bases = (ROOT, ROOT / "operator/src/penstock_operator", ROOT / "runtime/src/penstock")
    assert [path for path in wanted if not any((base / path).exists() for base in bases)] == []


def unknown(body: Any, schema: Any, path: str = "") -> Iterator[str]:
    """Fields that the definition does not have."""
    properties = schema.get("properties")
    if isinstance(body, dict) and properties is not None:
        for key, inner in body.items():
            if key in properties:
                yield from unknown(inner, properties[key], f"{path}.{key}")
            elif not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield f"{path}.{key}"
    elif isinstance(body, list) and "items" in schema:
        for inner in body:
            yield from unknown(inner, schema["items"], f"{path}[]")


def resources(text: str) -> list[dict[str, Any]]:
    """Of our kinds; what begins with `spec:` is part of a FlinkDeployment, and a key of `job.autoscaler` of its configuration."""
    found = []
    for body in yaml.safe_load_all(text):
        if not isinstance(body, dict):
            continue
        if str(body.get("apiVersion", "")).startswith("flink.apache.org/"):
            found.append(body)
        elif set(body) == {"spec"}:
            job = {"jarURI": "local:///opt/job.py", "parallelism": 1, **body["spec"].pop("job", {})}
            found.append({"kind": "FlinkDeployment", "spec": {**body["spec"], "job": job}})
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_manifests_of_pages_are_of_this_version(page: Path) -> None:
    for text in blocks(page, "yaml"):
        for body in resources(text):
            refused(body)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=named)
def test_manifests_of_examples_are_of_this_version(manifest: Path) -> None:
    (body,) = resources(manifest.read_text("utf-8").replace("$parallelism", "1"))
    refused(body)


def refused(body: dict[str, Any]) -> None:
    """Asserts that neither the definition nor the operator refuses it."""
    assert list(unknown(body["spec"], SCHEMAS[body["kind"]]["properties"]["spec"], "spec")) == []
    if body["kind"] == "FlinkDeployment":
        body.setdefault("metadata", {"name": "clicks"})
        assert [problem.message for problem in validate(FlinkDeployment.from_wire(body))] == []


def lines(page: Path) -> Iterator[str]:
    for text in blocks(page, "sh", "bash", ""):
        yield from re.sub(r"\\\n\s*", "", text).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_our_commands_have_these_verbs_and_flags(page: Path) -> None:
    wrong = []
    for line in lines(page):
        name = next((name for name in COMMANDS if line.startswith(f"{name} ")), None)
        if name is not None:
            words = shlex.split(line.removeprefix(name), comments=True)
            wrong += [f"{line}: {word}" for word in unheard_of(COMMANDS[name], words)]
    assert wrong == []


def unheard_of(app: typer.Typer, words: list[str]) -> list[str]:
    """The verb, or flags before the program that a command does not have."""
    command: Any = typer.main.get_command(app)
    left = list(words)
    while hasattr(command, "commands") and left and not left[0].startswith("-"):
        found = command.commands.get(left.pop(0))
        if found is None:
            return [words[0]]
        command = found
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    own = left[: next((at for at, word in enumerate(left) if word.endswith((".py", ".zip"))), len(left))]
    return [word for word in own if word.startswith("-") and word.partition("=")[0] not in known | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_targets_of_make_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named_here = {
        word
        for words in re.findall(r"`make ([a-z0-9 -]+)", page.read_text("utf-8"))
        for word in words.split()[:1]
    }
    assert named_here <= targets
