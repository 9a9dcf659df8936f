"""One slot's process as the supervisor sees it: started, spoken to over its control pipe, reaped.

Owned by `taskmanager.supervisor`. A thread reads the pipe; its end means the end of the process.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping

from penstock.control.messages import Command, Event
from penstock.taskmanager.options import WorkerOptions
from penstock.taskmanager.pipe import ControlPipe

GRACE_SECONDS = 5.0


class SlotProcess:
    """A running worker. `on_event` and `on_exit` are called in the reader's thread; `on_exit` once, last."""

    def __init__(
        self,
        options: WorkerOptions,
        environment: Mapping[str, str],
        on_event: Callable[[str, Event], None],
        on_exit: Callable[[str, str], None],
    ) -> None:
        self.slot_id = options.slot_id
        self._on_event, self._on_exit = on_event, on_exit
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "penstock.taskmanager.worker",
                    str(theirs.fileno()),
                    options.model_dump_json(),
                ],
                pass_fds=(theirs.fileno(),),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._pipe = ControlPipe(ours)
        self._reader = threading.Thread(target=self._read, name=f"slot-{self.slot_id}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def send(self, command: Command) -> None:
        """Hand over a command; nothing happens if the process is gone, for its end is reported."""
        try:
            self._pipe.send_command(command)
        except OSError:
            return

    def kill(self) -> None:
        """End the process at once, with all it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def end(self) -> None:
        """Close the pipe: the worker ends by itself; after a grace it is killed."""
        self._pipe.shut()

    def join(self) -> None:
        """Wait until the process is reaped and its exit reported."""
        self._reader.join()

    def _read(self) -> None:
        while (event := self._pipe.receive_event()) is not None:
            self._on_event(self.slot_id, event)
        try:
            status = self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.wait()
        self._pipe.close()
        how = f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
        self._on_exit(self.slot_id, how)
