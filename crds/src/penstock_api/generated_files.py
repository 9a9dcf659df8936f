"""Files that are generated and committed: written by `make gen`, compared by a test. Used by each generator's command line."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GeneratedFiles:
    """What one generator writes: `render` gives every file's text by its name."""

    program: str
    about: str | None
    render: Callable[[], dict[str, str]]

    def stale(self, folder: Path) -> list[str]:
        """Names of files that are missing or differ from what would be written."""
        return [
            name
            for name, text in self.render().items()
            if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
        ]

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Write the files, or check them; the exit status is 1 if a check finds one that is not fresh."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.program}", description=self.about)
        parser.add_argument("folder", type=Path, help="where the files are")
        parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is not fresh")
        options = parser.parse_args(arguments)
        if options.check:
            old = self.stale(options.folder)
            for name in old:
                sys.stderr.write(f"{options.folder / name} is not fresh: run `make gen`\n")
            return 1 if old else 0
        options.folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.render().items():
            (options.folder / name).write_text(text, "utf-8")
        return 0
