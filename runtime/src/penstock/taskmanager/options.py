"""What a slot's process is told on its command line. Made by the supervisor, read by `taskmanager.worker`.

Never holds secrets: certificates are named by path in the configuration (`penstock.rpc.tls.*`).
"""

from pydantic import BaseModel, ConfigDict


class WorkerOptions(BaseModel):
    """Options of one slot process."""

    model_config = ConfigDict(frozen=True)

    slot_id: str
    """Unique over the TaskManager's life: a restarted slot process gets a new one."""
    host_id: str
    """Slots with the same host_id reach each other over unix sockets."""
    directory: str
    """Folder (mode 0700) for the slot's data socket."""
    host: str | None = None
    """Name or address that other hosts reach this one by; with `penstock.rpc.tls.*` the data server also listens on TCP."""
    bind_host: str | None = None
    """Address that the TCP data server binds to; `host` if unset."""
    data_port: int = 0
    """TCP port of the data server; 0 lets the system choose."""
    configuration: dict[str, str] = {}
    """The TaskManager's Flink keys."""
