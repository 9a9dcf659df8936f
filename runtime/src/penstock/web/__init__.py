"""The web page of the JobManager: static files, no build step, nothing from the internet.

The files under `folder()` are mounted at `/` by `rest.app`; the page calls the REST API of the same origin and nothing else.
"""

from importlib.resources import files as _resources
from pathlib import Path


def folder() -> Path:
    """The folder of the page's static files; `index.html` is its front door."""
    return Path(str(_resources("penstock.web") / "static"))
