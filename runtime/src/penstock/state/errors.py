"""What can go wrong with state. Raised by the backend and the snapshot objects; `taskmanager.failure` maps it to reasons.

StateError
├── NoCurrentKey          keyed state outside a keyed function
├── KeyNotOurs            a key selector that does not always give the same key
├── StateNotSerializable  a value that cannot be stored by reference
├── StateIncompatible     a class in the state is gone or was changed
└── StateUnreadable       an object of the snapshot is damaged
"""


class StateError(Exception):
    """Something about state is wrong; the message says what and what to do."""


class NoCurrentKey(StateError):
    """Keyed state or a keyed timer was used where no key is set."""


class KeyNotOurs(StateError):
    """A key belongs to another subtask."""


class StateNotSerializable(StateError):
    """A value in state cannot be pickled by reference."""


class StateIncompatible(StateError):
    """A stored value cannot be read by this program."""


class StateUnreadable(StateError):
    """The bytes of a snapshot are not what was written."""
