"""How functions and the program they come from travel to slots (Decision 7).

The main process calls `capture_program` and `dumps`; a slot calls `install_program` once, then `loads`. Classes and
functions of the program's main file are pickled by reference to one stable module name, in the main process and in every
slot, so that state written by one version is read by the next; lambdas and nested functions travel by value. The module
is imported in a slot only when something names it; `env.execute()` ends that import, so a program needs no main guard.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import cloudpickle
import msgspec

STABLE_NAME = "penstock_main"
_MAX_SOURCES_BYTES = 16 * 1024 * 1024


class ProgramLoaded(BaseException):
    """Raised by `execute()` while a slot imports the program: all definitions before it are there."""


class ModuleSource(msgspec.Struct, frozen=True):
    """One module of the program: its source and where it came from."""

    name: str
    path: str
    source: bytes
    is_package: bool = False


class ProgramModule(msgspec.Struct, frozen=True):
    """What a slot needs to import the program's code: the main file, its own modules, extra entries of sys.path."""

    modules: list[ModuleSource]
    sys_path: list[str] = []
    argv: list[str] = []
    """The program's arguments: what it reads at its top level must read the same in a slot."""
    shipped: bytes = b""
    """A zip of what the program ships beside its modules; `taskmanager.shipped` puts it in place."""


def is_loading_program() -> bool:
    """True while this slot imports the program's main file."""
    return _Loader.loading


# ------------------------------------------------------------------------------------------------ main process


def capture_program(
    extra_files: Sequence[str] = (), sys_path: Sequence[str] = (), shipped: bytes = b""
) -> bytes | None:
    """The main file and the modules beside it, as a slot will import them; None without a main file (a REPL)."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    modules: list[ModuleSource] = []
    roots = [str(Path(file).resolve()) for file in extra_files]
    if main is not None and path and path.endswith(".py") and os.path.exists(path) and not _is_tool(main):
        modules.append(ModuleSource(STABLE_NAME, path, Path(path).read_bytes()))
        sys.modules[STABLE_NAME] = main  # records that come back from a slot name their classes by it
        roots.append(str(Path(path).resolve().parent))
    if not modules and not roots and not shipped:
        return None
    modules.extend(_modules_beside(roots))
    return msgspec.msgpack.encode(ProgramModule(modules, list(sys_path), list(sys.argv), shipped))


def _is_tool(main: ModuleType) -> bool:
    """True when the process runs an installed module (`python -m pytest`) rather than a program."""
    spec = getattr(main, "__spec__", None)
    return spec is not None and "site-packages" in (getattr(main, "__file__", None) or "")


def _modules_beside(roots: Sequence[str]) -> list[ModuleSource]:
    """Imported modules whose files lie under one of the roots, installed packages excepted."""
    found: list[ModuleSource] = []
    total = 0
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name in ("__main__", "__mp_main__", STABLE_NAME) or not path or not path.endswith(".py"):
            continue
        full = os.path.realpath(path)
        if "site-packages" in full or not any(
            full == root or full.startswith(root + os.sep) for root in roots
        ):
            continue
        if name.split(".")[0] in ("penstock", "penstock_api"):
            continue
        source = Path(full).read_bytes()
        total += len(source)
        if total > _MAX_SOURCES_BYTES:
            raise ValueError(
                f"the modules beside the program are larger than {_MAX_SOURCES_BYTES >> 20} MiB of source: "
                "give the program a folder of its own"
            )
        found.append(ModuleSource(name, full, source, hasattr(module, "__path__")))
    return found


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Cloudpickle, but what the main file defines goes by reference to its stable name."""

    def reducer_override(self, obj: Any) -> Any:
        if getattr(obj, "__module__", None) == "__main__" and _is_named_in_main(obj):
            return _program_attribute, (obj.__qualname__,)
        return super().reducer_override(obj)


def _is_named_in_main(obj: Any) -> bool:
    main = sys.modules.get("__main__")
    if main is None or _is_tool(main) or not (getattr(main, "__file__", None) or "").endswith(".py"):
        return False
    found: Any = main
    for part in getattr(obj, "__qualname__", "<none>").split("."):
        found = getattr(found, part, None)
    return found is obj


def _program_attribute(qualname: str) -> Any:
    """A class or function of the program's main file, by its name. AttributeError names what is missing."""
    module: Any
    if STABLE_NAME in sys.modules or _Finder.installed is not None:
        module = importlib.import_module(STABLE_NAME)
    else:
        module = sys.modules["__main__"]
    found = module
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def dumps(value: Any) -> bytes:
    """Pickle a function or object of the program for a slot."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


# -------------------------------------------------------------------------------------------------------- slot


def shipped_with(blob: bytes | None) -> bytes:
    """The zip of what a program ships; empty if nothing."""
    return b"" if blob is None else msgspec.msgpack.decode(blob, type=ProgramModule).shipped


def loads(data: bytes) -> Any:
    """Open what `dumps` made; in a slot, after `install_program`."""
    return pickle.loads(data)


def install_program(blob: bytes | None) -> None:
    """Make the program's modules importable in this process. Call once, before the first `loads`."""
    if _Finder.installed is not None:
        sys.meta_path.remove(_Finder.installed)
        for name in _Finder.installed.names():
            sys.modules.pop(name, None)
        _Finder.installed = None
    if blob is None:
        return
    program = msgspec.msgpack.decode(blob, type=ProgramModule)
    for entry in reversed(program.sys_path):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    _Finder.installed = _Finder({module.name: module for module in program.modules}, program.argv)
    sys.meta_path.insert(0, _Finder.installed)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the program's modules in memory."""

    installed: "_Finder | None" = None

    def __init__(self, modules: dict[str, ModuleSource], argv: list[str]) -> None:
        self._modules = modules
        self._argv = argv

    def names(self) -> list[str]:
        return list(self._modules)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        module = self._modules.get(fullname)
        if module is None:
            return None
        return importlib.util.spec_from_loader(
            fullname, _Loader(module, self._argv), origin=module.path, is_package=module.is_package
        )


class _Loader(importlib.abc.InspectLoader):
    """Runs a module's source; the main file only as far as its `execute()`."""

    loading = False

    def __init__(self, module: ModuleSource, argv: list[str]) -> None:
        self._module = module
        self._argv = argv

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self._module.source)

    def is_package(self, fullname: str) -> bool:
        return self._module.is_package

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._module.source, self._module.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._module.path
        if self._module.name == STABLE_NAME:
            self._exec_main(module)
        else:
            exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - the user's program, as it was submitted

    def _exec_main(self, module: ModuleType) -> None:
        """Run the main file up to its `execute()`, with the arguments that its main had."""
        _Loader.loading = True
        argv, sys.argv = sys.argv, self._argv
        try:
            exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - the user's program, as it was submitted
        except ProgramLoaded:
            return
        except SystemExit as error:
            raise ImportError(
                f"{self._module.path} ended with {error.code!r} while a slot imported it: "
                "put what must run only once under `if __name__ == '__main__':`"
            ) from error
        finally:
            sys.argv = argv
            _Loader.loading = False
