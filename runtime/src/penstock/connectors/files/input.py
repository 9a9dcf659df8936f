"""A file (or a range of one) as formats read it: a stream of its decompressed bytes, or its bytes to seek in.

Made by the file source's reader for each split; used in the reader's thread. Files whose names end in .gz,
.bz2, .xz, .deflate or .zst are decompressed on the way.
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from penstock.filesystems.errors import FileSystemError
from penstock.filesystems.port import FileSystem

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileRange:
    """A `formats.files.FileInput`."""

    filesystem: FileSystem
    path: str
    size: int
    start: int = 0
    end: int | None = None

    def stream(self, offset: int = 0) -> BinaryIO:
        """Decompressed bytes from `offset` on; in a compressed file that is reached by reading up to it."""
        decompress = decompressor(self.path)
        if decompress is None:
            return cast(BinaryIO, io.BufferedReader(_StoredBytes(self, offset), _READ_BYTES))
        stream = decompress(io.BufferedReader(_StoredBytes(self, 0), _READ_BYTES))
        left = offset
        while left > 0:
            data = stream.read(min(left, _READ_BYTES))
            if not data:
                break
            left -= len(data)
        return stream

    def random(self) -> BinaryIO:
        """The stored bytes, seekable."""
        if decompressor(self.path) is not None:
            raise FileSystemError(
                f"{self.path}: this format needs to seek, so the file must not be compressed as a whole; such "
                "formats compress inside"
            )
        return cast(BinaryIO, io.BufferedReader(_StoredBytes(self, 0), 1 << 16))


class _StoredBytes(io.RawIOBase):
    """The bytes of a file by ranged reads."""

    def __init__(self, source: FileRange, offset: int) -> None:
        super().__init__()
        self._source = source
        self._offset = offset

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._source.size}[whence]
        self._offset = base + offset
        return self._offset

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        data = self._source.filesystem.read_range(self._source.path, self._offset, len(view))
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)


class _Inflating(io.RawIOBase):
    """A zlib stream (`.deflate`)."""

    def __init__(self, stored: io.BufferedReader) -> None:
        super().__init__()
        self._stored = stored
        self._inflate = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while not self._inflate.eof:
            compressed = self._inflate.unconsumed_tail or self._stored.read(_READ_BYTES)
            data = self._inflate.decompress(compressed, len(view))
            if data or not compressed:
                view[: len(data)] = data
                return len(data)
        return 0

    def close(self) -> None:
        self._stored.close()
        super().close()


class _Closing(io.BufferedReader):
    """Closes what it decompresses too: the library's decompressors leave it open."""

    def __init__(self, raw: Any, stored: io.BufferedReader) -> None:
        super().__init__(raw, _READ_BYTES)
        self._stored = stored

    def close(self) -> None:
        super().close()
        self._stored.close()


def decompressor(path: str) -> Callable[[io.BufferedReader], BinaryIO] | None:
    """What decompresses the file of that name; None for one that is stored as it is."""
    return _BY_SUFFIX.get(path.rpartition(".")[2].lower()) if "." in path.rsplit("/", 1)[-1] else None


def _gzip(stored: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, _Closing(gzip.GzipFile(fileobj=stored, mode="rb"), stored))


def _bzip2(stored: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, _Closing(bz2.BZ2File(stored), stored))


def _xz(stored: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, _Closing(lzma.LZMAFile(stored), stored))


def _deflate(stored: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Inflating(stored), _READ_BYTES))


def _zstandard(stored: io.BufferedReader) -> BinaryIO:
    try:
        import zstandard  # an extra: only for those who read such files
    except ModuleNotFoundError as error:
        raise FileSystemError(
            "reading .zst files needs the extra 'zstd': pip install 'penstock[zstd]'"
        ) from error
    reader = zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True, closefd=True)
    return cast(BinaryIO, _Closing(reader, stored))


_BY_SUFFIX: dict[str, Callable[[io.BufferedReader], BinaryIO]] = {
    "gz": _gzip,
    "gzip": _gzip,
    "bz2": _bzip2,
    "xz": _xz,
    "deflate": _deflate,
    "zst": _zstandard,
}
