"""A JobManager that is ready before its turn: it waits for the word to run main, and for the state to start from.

Called by `launch.jobmanager` with `--wait-for-word`. The word comes over REST, at once, or as the file `word.json` beside
`config.yaml`, where it outlives every process: one that starts again finds it there and waits for nothing. Never gives up.
"""

import asyncio
import contextlib
import logging
from pathlib import Path

from pydantic import ValidationError

from penstock.rest.application import Application
from penstock_api.rest.trigger import StartWord

log = logging.getLogger(__name__)
WORD_FILE = "word.json"
_LOOK_SECONDS = 1.0
"""A kubelet brings a changed ConfigMap into a pod within a minute or so; looking more often costs nothing."""


async def wait_for_word(application: Application, file: Path) -> None:
    """Return when the word has come; `application.wish` then says from which state."""
    application.is_waiting = True
    try:
        while not application.told.is_set():
            word = await asyncio.to_thread(read_word, file)
            if word is not None:
                application.tell(word.from_savepoint)
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(application.told.wait(), _LOOK_SECONDS)
    finally:
        application.is_waiting = False
    log.info("told to start, from %s", application.wish.savepoint or "no state")


def read_word(file: Path) -> StartWord | None:
    """The word that was written down; None while there is none."""
    try:
        return StartWord.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read, so the word is waited for: %s", file, error)
        return None
