"""Writes the CRDs as YAML: `python -m penstock_api.crdgen DIR`, or with `--check` says which are not fresh.

Run by `make gen` and by a test. The files are for people, Helm and `kubectl`; the operator builds them in memory.
"""

import yaml

from penstock_api.crd import KINDS, build_crd
from penstock_api.generated_files import GeneratedFiles

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


_FILES = GeneratedFiles("penstock_api.crdgen", __doc__, render)
stale, main = _FILES.stale, _FILES.main


if __name__ == "__main__":
    raise SystemExit(main())
