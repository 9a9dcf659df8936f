"""ORC files: PyFlink's `OrcBulkWriters` for the file sink (PyFlink reads no ORC in the DataStream API)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from penstock.common.serialization import RowDataBulkWriterFactory
from penstock.formats.arrow import ArrowRows
from penstock.formats.logical import RowType

_STRIPE_ROWS = 65_536


class OrcBulkWriters:
    """Makes writers of ORC files."""

    @staticmethod
    def for_row_type(
        row_type: RowType, writer_properties: Any = None, hadoop_config: Any = None
    ) -> RowDataBulkWriterFactory:
        """Files of this type. Of the properties `orc.compress` counts (ZLIB by default)."""
        if not isinstance(row_type, RowType):
            raise TypeError(f"ORC writes rows, not {row_type!r}: give DataTypes.ROW([...])")
        read = getattr(writer_properties, "get_string", None)
        codec = str(read("orc.compress", "ZLIB") if read is not None else "ZLIB").lower()
        if codec not in ("none", "zlib", "snappy", "lz4", "zstd"):
            raise ValueError(f"orc.compress {codec!r} is none of NONE, ZLIB, SNAPPY, LZ4, ZSTD")
        return OrcWriterFactory(row_type, "uncompressed" if codec == "none" else codec)


@dataclass(frozen=True)
class OrcWriterFactory(RowDataBulkWriterFactory):
    """Begins ORC files."""

    row_type: RowType
    codec: str = "zlib"

    def get_row_type(self) -> RowType:
        """The logical type of the rows."""
        return self.row_type

    def create(self, stream: BinaryIO) -> "OrcWriter":
        """A writer."""
        return OrcWriter(stream, self.row_type, self.codec)


class OrcWriter:
    """Writes one ORC file, stripe by stripe."""

    def __init__(self, stream: BinaryIO, row_type: RowType, codec: str) -> None:
        self._rows = ArrowRows(row_type, "ORC")
        from pyarrow import orc

        self._writer = orc.ORCWriter(stream, compression=codec)
        self._held: list[Any] = []
        self._count = 0
        self._is_empty = True

    def add(self, elements: Sequence[Any]) -> None:
        """Hold the records back until there is a stripe of them."""
        self._held.append(self._rows.batch(elements))
        self._count += len(elements)
        if self._count >= _STRIPE_ROWS:
            self._write()

    def finish(self) -> None:
        """Write the last stripe and the footer."""
        if self._count or self._is_empty:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        self._writer.write(self._rows.pyarrow.Table.from_batches(self._held, self._rows.schema))
        self._held, self._count, self._is_empty = [], 0, False
