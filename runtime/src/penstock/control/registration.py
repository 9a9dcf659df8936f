"""What a TaskManager and the JobManager say to each other over HTTP: registration, long poll, events.

Pure data. Commands carry rising numbers and are kept until acknowledged by the next poll; batches of events likewise,
so a lost connection loses nothing and repeats nothing.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.control.messages import Command, Event, Inspect


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class Registration(_Message):
    """A TaskManager introduces itself; sent again after every lost session."""

    resource_id: str
    host_id: str
    slots: int = Field(ge=1)
    pid: int = 0
    data_port: int = 0
    hardware: dict[str, Any] = {}


class Registered(_Message):
    """The answer: a session that lives as long as the JobManager's process."""

    session: str
    heartbeat_interval_ms: int
    heartbeat_timeout_ms: int


class SlotCommand(_Message):
    """Hand the command to the slot's process."""

    type: Literal["slot"] = "slot"
    slot_id: str
    command: Command


class RecycleSlot(_Message):
    """Kill the slot's process and start a fresh one under a new slot id; a process serves one attempt."""

    type: Literal["recycle"] = "recycle"
    slot_id: str


class InspectManager(_Message):
    """Look at the TaskManager's own process; answered by Inspected."""

    type: Literal["inspect-manager"] = "inspect-manager"
    inspection: Inspect


TaskManagerCommand = Annotated[SlotCommand | RecycleSlot | InspectManager, Field(discriminator="type")]


class NumberedCommand(_Message):
    """A command and its number within the session."""

    number: int
    command: TaskManagerCommand


class Poll(_Message):
    """Ask for commands after `after`; also the heartbeat."""

    session: str
    after: int = 0
    wait_ms: int = 5000
    metrics: dict[str, float] = {}
    """Figures of the TaskManager's processes by Flink's names (`Status.…`)."""


class Polled(_Message):
    """Commands in order; empty when the wait was over. `session` differs when the TaskManager must register again."""

    session: str
    commands: list[NumberedCommand] = []


class SlotEvent(_Message):
    """An event and the slot it came from."""

    slot_id: str
    event: Event


class EventBatch(_Message):
    """Events in order. A batch whose number was seen before is ignored."""

    session: str
    number: int
    events: list[SlotEvent]
