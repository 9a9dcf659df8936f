"""Writes the CRDs as YAML: `python -m penstock_api.crdgen DIR`, or with `--check` says which are not fresh.

Run by `make gen` and by a test. The files are for people, Helm and `kubectl`; the operator builds them in memory.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from penstock_api.crd import KINDS, build_crd

HEADER = "# Generated from penstock_api.v1beta1 by `make gen`. Do not edit.\n---\n"


class _Dumper(yaml.SafeDumper):
    """Indents lists within their key, as yamllint wants it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never flush with the key."""
        super().increase_indent(flow, False)


def render() -> dict[str, str]:
    """Every file by its name."""
    return {
        f"{kind.crd_name}.yaml": HEADER
        + yaml.dump(build_crd(kind), Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
        for kind in KINDS
    }


def stale(folder: Path) -> list[str]:
    """Names of files that are missing or differ from what would be written."""
    return [
        name
        for name, text in render().items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; the exit status is 1 if a check finds one that is not fresh."""
    parser = argparse.ArgumentParser(prog="python -m penstock_api.crdgen", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the YAML files are")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is not fresh")
    options = parser.parse_args(arguments)
    if options.check:
        old = stale(options.folder)
        for name in old:
            sys.stderr.write(f"{options.folder / name} is not fresh: run `make gen`\n")
        return 1 if old else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in render().items():
        (options.folder / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
