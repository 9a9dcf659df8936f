"""Which clock a whole program follows, as older programs set it. Windows and timers of today name their clock themselves."""

from enum import Enum


class TimeCharacteristic(Enum):
    """A clock."""

    ProcessingTime = 0
    IngestionTime = 1
    EventTime = 2
