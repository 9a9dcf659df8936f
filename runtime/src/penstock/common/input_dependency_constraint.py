"""When a task of a batch job may start, in PyFlink's shape. Every task here starts at once, whatever is chosen."""

from enum import Enum


class InputDependencyConstraint(Enum):
    """Which inputs must have data before a task starts."""

    ANY = 0
    ALL = 1
