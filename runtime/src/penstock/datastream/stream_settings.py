"""Settings of one operator: name, uid, parallelism, chaining. Shared by streams and sinks; every call returns the object."""

from typing import Self

from penstock.graph.streamgraph import StreamNode


class StreamSettings:
    """Changes the node that made a stream."""

    def __init__(self, node: StreamNode) -> None:
        self._node = node

    def get_name(self) -> str:
        """The operator's name."""
        return self._node.name

    def name(self, name: str) -> Self:
        """Name the operator."""
        self._node.name = name
        return self

    def uid(self, uid: str) -> Self:
        """Name the operator's state, over versions of the program."""
        self._node.uid = uid
        return self

    def set_uid_hash(self, uid_hash: str) -> Self:
        """Set the operator id itself, 32 hex digits."""
        self._node.uid_hash = uid_hash
        return self

    def set_description(self, description: str) -> Self:
        """Describe the operator."""
        self._node.description = description
        return self

    def set_parallelism(self, parallelism: int) -> Self:
        """Set how many subtasks run."""
        if parallelism < 1 or (self._node.is_single and parallelism != 1):
            raise ValueError(f"operator {self._node.name!r} cannot have parallelism {parallelism}")
        self._node.parallelism = parallelism
        return self

    def set_max_parallelism(self, max_parallelism: int) -> Self:
        """Set the number of key groups."""
        self._node.max_parallelism = max_parallelism
        return self

    def force_non_parallel(self) -> Self:
        """Only ever one subtask."""
        self._node.is_single = True
        return self

    def set_buffer_timeout(self, timeout_millis: int) -> Self:
        """Kept for compatibility: the buffer timeout is the job's."""
        return self

    def start_new_chain(self) -> Self:
        """Do not chain the operator to what feeds it."""
        self._node.is_chain_start = True
        return self

    def disable_chaining(self) -> Self:
        """Chain the operator to nothing."""
        self._node.is_chainable = False
        return self

    def slot_sharing_group(self, slot_sharing_group: object) -> Self:
        """Put the operator into a group of slots."""
        self._node.slot_sharing_group = str(getattr(slot_sharing_group, "name", slot_sharing_group))
        return self
