"""The TaskManager process: `penstock taskmanager`. Ends at SIGTERM, with every slot."""

import asyncio
import signal
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from penstock.launch.configuration import number_of, starting
from penstock.taskmanager.client import connect
from penstock.taskmanager.dependencies import FOLDER_KEY
from penstock.taskmanager.inspection import LogFiles
from penstock.taskmanager.supervisor import Supervisor, TaskManagerOptions


def run_taskmanager(configuration: Mapping[str, str], resource_id: str | None, logs: LogFiles) -> None:
    """Serve until a signal; `logs` is what REST shows. Raises CannotStart."""
    asyncio.run(_serve(configuration, resource_id or socket.gethostname(), logs))


async def _serve(configuration: Mapping[str, str], resource_id: str, logs: LogFiles) -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-tm-", ignore_cleanup_errors=True) as scratch:
        with starting():
            options = TaskManagerOptions(
                resource_id=resource_id,
                slots=number_of(configuration, 1, "taskmanager.numberOfTaskSlots"),
                directory=Path(scratch) / "sockets",
                configuration={FOLDER_KEY: str(Path(scratch) / "dependencies"), **configuration},
                host=configuration.get("taskmanager.host"),
                bind_host=configuration.get("taskmanager.bind-host"),
                logs=logs,
            )
            supervisor = Supervisor(options, connect(configuration))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, supervisor.stop)
        await supervisor.run()
