"""A program's main: runs a Python file as `__main__` in a child process, where its `execute()` submits the job.

`python -m penstock.launch.program [--module NAME | FILE] [ARGUMENTS]`, started by the JobManager (with PENSTOCK_SUBMIT
and PENSTOCK_CONFIGURATION set) or by `penstock run`. Slots use `load_in_slot`. Never runs in the JobManager itself.
"""

import runpy
import sys
from pathlib import Path
from types import TracebackType

from penstock.compat import install_alias
from penstock.graph.program_module import install_program


class NoProgram(FileNotFoundError):
    """There is nothing to run; the text says where, and what a program is."""


def load_in_slot(program_module: bytes) -> None:
    """Make the program's modules importable in this slot, under their stable names."""
    install_alias()
    install_program(program_module)


def run_program(target: str, arguments: list[str], is_module: bool = False) -> None:
    """Run a file, a project folder or zip with a `__main__.py` or `main.py`, or a module, as `__main__`."""
    install_alias()
    if is_module:
        sys.argv = [target, *arguments]
        runpy.run_module(target, run_name="__main__", alter_sys=True)
        return
    path = Path(target).resolve()
    if path.is_dir():
        path = next((path / name for name in ("__main__.py", "main.py") if (path / name).exists()), path)
    if path.suffix == ".py" and path.exists():
        sys.argv = [str(path), *arguments]
        sys.path.insert(0, str(path.parent))
        _run_file(path)
    elif path.suffix in (".zip", ".pyz") and path.exists():
        sys.argv = [str(path), *arguments]
        runpy.run_path(str(path), run_name="__main__")
    else:
        raise NoProgram(
            f"no program at {path}: name a .py file, a zip, or a folder with a __main__.py or main.py"
        )


def _run_file(path: Path) -> None:
    """Run the file as `__main__` and leave it there: what it defines must be found by name when it is pickled."""
    from types import ModuleType

    main = ModuleType("__main__")
    main.__file__ = str(path)
    sys.modules["__main__"] = main
    exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), main.__dict__)  # noqa: S102 - the user's program


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The program's failure from its own first line on: what runs it is none of its author's business."""
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def main() -> None:
    """The command line."""
    arguments = sys.argv[1:]
    is_module = bool(arguments) and arguments[0] == "--module"
    if is_module:
        arguments = arguments[1:]
    if not arguments:
        sys.exit("usage: python -m penstock.launch.program [--module NAME | FILE] [ARGUMENTS]")
    sys.excepthook = _tell
    try:
        run_program(arguments[0], arguments[1:], is_module)
    except NoProgram as error:
        sys.exit(f"penstock: {error}")
    except KeyboardInterrupt:
        sys.stderr.write("penstock: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
