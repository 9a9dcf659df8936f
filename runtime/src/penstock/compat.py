"""`pyflink` is Penstock: importing `pyflink.x` gives the very module object `penstock.x` (Decision 6).

Installed by `install_alias` (programs and slots), or at start-up by a `.pth` file, then behind any apache-flink that is
really installed. Pickles name `penstock`, whichever name the program imported.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType

ALIAS = "pyflink"
TARGET = "penstock"
_SPECS: dict[str, importlib.machinery.ModuleSpec | None] = {}


class _AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `pyflink.*` as `penstock.*`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != ALIAS and not fullname.startswith(ALIAS + "."):
            return None
        if (
            sys.meta_path[0] is not self
        ):  # nothing else serves the alias: before the path finder reads the files twice
            sys.meta_path.remove(self)
            sys.meta_path.insert(0, self)
        real = TARGET + fullname[len(ALIAS) :]
        if importlib.util.find_spec(real) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=real, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The real module itself."""
        module = importlib.import_module(str(spec.origin))
        _SPECS.setdefault(module.__name__, module.__spec__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module ran under its real name already; give it back the spec that the import just replaced."""
        module.__spec__ = _SPECS[module.__name__]


_FINDER = _AliasFinder()


def install_alias(is_first: bool = True) -> None:
    """Make `pyflink` importable; `is_first` puts it before an installed apache-flink. Idempotent."""
    if _FINDER in sys.meta_path:
        return
    if is_first:
        sys.meta_path.insert(0, _FINDER)
    else:
        sys.meta_path.append(_FINDER)
