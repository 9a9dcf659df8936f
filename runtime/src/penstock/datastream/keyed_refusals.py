"""What a keyed stream refuses, as PyFlink's does: it has no operator of its own to set up, and its partitioning is its key's.

The base of `KeyedStream`. Without these a setting would land on the operator before `key_by`, unseen.
"""

from typing import Any, NoReturn

from penstock.datastream.data_stream import DataStream


def _has_no_operator(what: str) -> NoReturn:
    raise TypeError(
        f"{what} of a KeyedStream cannot be set: key_by adds no operator. Call it on the operator before key_by, or on "
        "the one after it"
    )


def _has_its_partitioning(what: str) -> NoReturn:
    raise TypeError(
        f"{what}() cannot override the partitioning of a KeyedStream: equal keys must stay together. Call it before "
        "key_by, or on the result of an operation"
    )


class KeyedRefusals(DataStream):
    """A stream without settings and with one partitioning."""

    def name(self, name: str) -> Any:
        """Refused."""
        _has_no_operator("the name")

    def get_name(self) -> str:
        """Refused."""
        raise TypeError("a KeyedStream has no name: key_by adds no operator")

    def uid(self, uid: str) -> Any:
        """Refused."""
        _has_no_operator("the uid")

    def set_uid_hash(self, uid_hash: str) -> Any:
        """Refused."""
        _has_no_operator("the uid hash")

    def set_description(self, description: str) -> Any:
        """Refused."""
        _has_no_operator("the description")

    def set_parallelism(self, parallelism: int) -> Any:
        """Refused."""
        _has_no_operator("the parallelism")

    def set_max_parallelism(self, max_parallelism: int) -> Any:
        """Refused."""
        _has_no_operator("the maximum parallelism")

    def force_non_parallel(self) -> Any:
        """Refused."""
        _has_no_operator("the parallelism")

    def set_buffer_timeout(self, timeout_millis: int) -> Any:
        """Refused."""
        _has_no_operator("the buffer timeout")

    def start_new_chain(self) -> Any:
        """Refused."""
        _has_no_operator("chaining")

    def disable_chaining(self) -> Any:
        """Refused."""
        _has_no_operator("chaining")

    def slot_sharing_group(self, slot_sharing_group: object) -> Any:
        """Refused."""
        _has_no_operator("the slot sharing group")

    def rebalance(self) -> DataStream:
        """Refused."""
        _has_its_partitioning("rebalance")

    def rescale(self) -> DataStream:
        """Refused."""
        _has_its_partitioning("rescale")

    def shuffle(self) -> DataStream:
        """Refused."""
        _has_its_partitioning("shuffle")

    def forward(self) -> DataStream:
        """Refused."""
        _has_its_partitioning("forward")

    def global_(self) -> DataStream:
        """Refused."""
        _has_its_partitioning("global_")

    def broadcast(self, *descriptors: Any) -> Any:
        """Refused."""
        _has_its_partitioning("broadcast")

    def partition_custom(self, partitioner: Any, key_selector: Any) -> DataStream:
        """Refused."""
        _has_its_partitioning("partition_custom")
