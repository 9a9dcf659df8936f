"""The slot's process: `python -m penstock.taskmanager.worker CONTROL_FD OPTIONS_JSON`. Started by the supervisor.

One thread reads commands and posts them as mail; the main thread runs the mailbox. The process ends when the control
pipe closes, for then nobody commands it: its tasks are cancelled first, with a deadline.
"""

import faulthandler
import io
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from penstock.common.durations import parse_duration_ms
from penstock.compat import install_alias
from penstock.control.messages import (
    CancelTasks,
    DeployTasks,
    Failure,
    Inspect,
    Inspected,
    SlotAddress,
    SlotReady,
    TaskState,
    TaskStateChanged,
)
from penstock.exchange.network import Network, TlsFiles
from penstock.exchange.reactor import Reactor
from penstock.filesystems.registry import close_filesystems
from penstock.taskmanager.inspection import inspect_slot
from penstock.taskmanager.json_loads import install_fast_json
from penstock.taskmanager.mailbox import Mailbox
from penstock.taskmanager.options import WorkerOptions
from penstock.taskmanager.pipe import ControlPipe
from penstock.taskmanager.process_limits import limit_process
from penstock.taskmanager.slot import Slot
from penstock.taskmanager.stall import StallLimits, StallWatch
from penstock.taskmanager.task import Task

_log = logging.getLogger(__name__)
_CLOSE_SECONDS = 10.0
"""After the control pipe closed."""
_CANCEL_SECONDS = 30.0
"""For user code to return after a cancel; then the process ends and the supervisor starts a new slot."""
_UPLOAD_THREADS = 4
_LONGEST_SOCKET_PATH = 100
"""Linux allows 107 bytes."""


def main(control_fd: int, options_json: str) -> None:
    """Run a slot until its control pipe closes."""
    # Ctrl-C reaches the whole process group; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    # The command reader must not wait long for the interpreter while a record loop runs.
    sys.setswitchinterval(0.001)
    install_alias()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a program prints shows at once, in a pod's log as in a terminal.
        sys.stdout.reconfigure(line_buffering=True)
    options = WorkerOptions.model_validate_json(options_json)
    install_fast_json(options.configuration)
    limit_process(options.configuration)
    pipe = ControlPipe(socket.socket(fileno=control_fd))
    reactor = Reactor()
    mailbox = Mailbox(reactor)
    network = Network(reactor, options.slot_id, TlsFiles.from_configuration(options.configuration))
    address = listen(network, options)
    with ThreadPoolExecutor(_UPLOAD_THREADS, "upload") as uploads:
        slot = Slot(options.slot_id, mailbox, network, uploads, pipe.send_event, options.configuration)
        reader = threading.Thread(
            target=_read_commands, args=(pipe, mailbox, slot), name="commands", daemon=True
        )
        reader.start()
        pipe.send_event(SlotReady(address=address, pid=os.getpid()))
        watch = StallWatch(
            mailbox,
            StallLimits.from_configuration(options.configuration),
            lambda: _name_of(slot.current_task),
            lambda why: _end_stalled(slot.current_task, pipe, why),
        )
        watch.start()
        mailbox.run(slot)
        watch.stop()
    network.close()
    reactor.close()
    close_filesystems()
    pipe.close()


def _name_of(task: Task | None) -> str | None:
    return None if task is None else task.name


def _end_stalled(task: Task | None, pipe: ControlPipe, why: str) -> None:
    """A call never returned: its task has failed, and only the end of the process frees the slot."""
    _log.error("ending slot process: %s", why)
    if task is not None:
        head, _, stack = why.partition("\n")
        failure = Failure(
            exception="FunctionStalled",
            message=head,
            stacktrace=stack,
            timestamp=time.time_ns() // 1_000_000,
        )
        pipe.send_event(TaskStateChanged(subtask=task.subtask, state=TaskState.FAILED, failure=failure))
    os._exit(70)


def listen(network: Network, options: WorkerOptions) -> SlotAddress:
    """Open the slot's data server: a unix socket, and TCP where mutual TLS is set up and other hosts exist."""
    path = _socket_path(options)
    network.listen_unix(path)
    tcp = None
    if options.host is not None and TlsFiles.from_configuration(options.configuration) is not None:
        port = network.listen_tls(options.bind_host or options.host, options.data_port)
        tcp = f"tcp:{options.host}:{port}"
    return SlotAddress(slot_id=options.slot_id, host_id=options.host_id, unix_path=str(path), tcp=tcp)


def _socket_path(options: WorkerOptions) -> Path:
    folder = Path(options.directory)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{options.slot_id[-40:]}.sock"
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        path = Path(tempfile.mkdtemp(prefix="penstock-"), "slot.sock")
    return path


def _read_commands(pipe: ControlPipe, mailbox: Mailbox, slot: Slot) -> None:
    task_thread = threading.main_thread().ident or 0
    deadline: float | None = _CANCEL_SECONDS
    while (command := pipe.receive_command()) is not None:
        if isinstance(command, Inspect):
            _inspect(pipe, command, task_thread)
            continue
        if isinstance(command, DeployTasks):
            deadline = cancellation_timeout(command.configuration)
        if isinstance(command, CancelTasks) and deadline is not None:
            _end_if_stuck(deadline, mailbox, "cancelled tasks did not return")
        mailbox.post(lambda command=command: slot.handle(command))  # type: ignore[misc]
    _end_if_stuck(
        _CLOSE_SECONDS, mailbox, "tasks did not return after the TaskManager went away", for_good=True
    )
    mailbox.post(slot.cancel)
    mailbox.post(mailbox.stop)


def _inspect(pipe: ControlPipe, wanted: Inspect, task_thread: int) -> None:
    """Look in a thread of its own: sampling takes seconds, and commands must not wait for it."""

    def look() -> None:
        pipe.send_event(Inspected(request_id=wanted.request_id, found=inspect_slot(wanted, task_thread)))

    threading.Thread(target=look, name="inspection", daemon=True).start()


def cancellation_timeout(configuration: Mapping[str, str]) -> float | None:
    """Seconds that user code has to return after a cancel (`task.cancellation.timeout`, 30 s by default); 0 is for ever."""
    text = configuration.get("task.cancellation.timeout")
    seconds = _CANCEL_SECONDS if text is None else parse_duration_ms(text) / 1000
    return seconds or None


def _end_if_stuck(seconds: float, mailbox: Mailbox, why: str, *, for_good: bool = False) -> None:
    """End the process unless its task thread takes mail again in time; `for_good`: unless it has ended by then."""

    def end() -> None:
        _log.error("ending slot process: %s within %s s", why, seconds)
        faulthandler.dump_traceback()
        os._exit(70)

    watchdog = threading.Timer(seconds, end)
    watchdog.daemon = True
    watchdog.start()
    if not for_good:
        mailbox.post(lambda: mailbox.post(watchdog.cancel))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    main(int(sys.argv[1]), sys.argv[2])
