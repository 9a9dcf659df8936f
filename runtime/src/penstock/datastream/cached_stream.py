"""A stream that several jobs use. Nothing is kept between them: each job computes it again, from its sources on.

Its settings are those of the stream it stands for, so it refuses to change them, as PyFlink's does.
"""

from typing import Any

from penstock.common.unsupported import unsupported
from penstock.datastream.data_stream import DataStream

_SETTING = unsupported(
    "Set it on the stream before cache()", "a cached stream is the stream that it was made of"
)


class CachedDataStream(DataStream):
    """A stream for several jobs."""

    def invalidate(self) -> None:
        """Nothing is held, so nothing is released."""

    @_SETTING
    def get_name(self) -> Any:
        """Refused."""

    @_SETTING
    def name(self, name: str) -> Any:
        """Refused."""

    @_SETTING
    def uid(self, uid: str) -> Any:
        """Refused."""

    @_SETTING
    def set_uid_hash(self, uid_hash: str) -> Any:
        """Refused."""

    @_SETTING
    def set_parallelism(self, parallelism: int) -> Any:
        """Refused."""

    @_SETTING
    def set_max_parallelism(self, max_parallelism: int) -> Any:
        """Refused."""

    @_SETTING
    def force_non_parallel(self) -> Any:
        """Refused."""

    @_SETTING
    def set_buffer_timeout(self, timeout_millis: int) -> Any:
        """Refused."""

    @_SETTING
    def start_new_chain(self) -> Any:
        """Refused."""

    @_SETTING
    def disable_chaining(self) -> Any:
        """Refused."""

    @_SETTING
    def slot_sharing_group(self, slot_sharing_group: Any) -> Any:
        """Refused."""
