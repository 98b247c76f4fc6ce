"""Read the headers of files that lie elsewhere: few small ranges, of many files at a time."""

import io
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from darkmask.core.errors import DeliveryError, UnreachedError

from .places import source_of, version_of
from .server import AT_ONCE, Server

# A primary header of the pipeline has 20 to 40 kB.
_BLOCK = 1 << 15
_FITS_BLOCK = 2880
_CARD = 80
# Extensions of one file; more are read one by one.
_EXTENSIONS = 64
# From the beginning of a card: ZNAXIS1, or a comment on NAXIS1, says nothing of how long the data are.
_SIZE = re.compile(rb"(BITPIX|NAXIS\d*|PCOUNT|GCOUNT) *= +(-?\d+)")


class RangedFile(io.RawIOBase):
    """A file that lies elsewhere, read in blocks of 32 kB that are kept.

    Parameters
    ----------
    path : Path
        As :func:`.places.listed_files` gives it.
    """

    def __init__(self, path: Path):
        super().__init__()
        self._server, self._file = Server(source_of(path)[0]), source_of(path)[1]
        self._size = version_of(path).size
        self._blocks: dict[int, bytes] = {}
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place in the file, as files do."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the place in the file."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what a block holds from here on; return how many bytes that are."""
        number, offset = divmod(self._at, _BLOCK)
        if self._at >= self._size:
            return 0
        if number not in self._blocks:
            start, stop = number * _BLOCK, min((number + 1) * _BLOCK, self._size)
            try:
                self._blocks[number] = self._server.read(self._file, start, stop)
            except DeliveryError as error:
                raise UnreachedError(str(error)) from error
        content = self._blocks[number][offset : offset + len(buffer)]
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def look_ahead(self) -> None:
        """Read the blocks that hold headers, by the sizes that each announces; stop at the first that is no header."""
        at = 0
        for _ in range(_EXTENSIONS):
            header = self._header(at)
            if not header:
                break
            at += len(header) + _data_bytes(header)
            if at >= self._size:
                break
        self._at = 0

    def _header(self, at: int) -> bytes:
        """Return the header that begins here, whole blocks of it; nothing where there is none."""
        content = b""
        while len(content) < 100 * _FITS_BLOCK:
            self.seek(at + len(content))
            piece = self._exactly(_FITS_BLOCK)
            if len(piece) < _FITS_BLOCK:
                return b""
            content += piece
            if any(piece[k : k + _CARD].rstrip() == b"END" for k in range(0, _FITS_BLOCK, _CARD)):
                return content
        return b""

    def _exactly(self, count: int) -> bytes:
        pieces = b""
        while len(pieces) < count and (piece := self.read(count - len(pieces))):
            pieces += piece
        return pieces


def ranged_files(paths: Sequence[Path]) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield each path with a file to read its headers from, which were asked for before.

    Parameters
    ----------
    paths : sequence of Path
        Of files that lie elsewhere.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="headers") as pool:
        for first in range(0, len(paths), 2 * AT_ONCE):
            some = paths[first : first + 2 * AT_ONCE]
            files = [RangedFile(path) for path in some]
            # A failure comes again when the header is read, and is told of the file then.
            waiting = [pool.submit(file.look_ahead) for file in files]
            for path, file, looked in zip(some, files, waiting, strict=True):
                looked.exception()
                file.seek(0)
                yield path, io.BufferedReader(file, _BLOCK)


def ranged_file(path: Path) -> BinaryIO:
    """Return a file that lies elsewhere, to read a few ranges of: nothing of it is copied."""
    return io.BufferedReader(RangedFile(path), _BLOCK)


def _data_bytes(header: bytes) -> int:
    """Return how many bytes of data follow a header (FITS standard 4.0, 4.4.1)."""
    cards = (_SIZE.match(header, at) for at in range(0, len(header), _CARD))
    said = {card[1].decode(): int(card[2]) for card in cards if card}
    size = abs(said.get("BITPIX", 8)) // 8 if said.get("NAXIS") else 0
    for axis in range(1, said.get("NAXIS", 0) + 1):
        size *= said.get(f"NAXIS{axis}", 0)
    size = (size + abs(said.get("BITPIX", 8)) // 8 * said.get("PCOUNT", 0)) * said.get("GCOUNT", 1)
    return -(-size // _FITS_BLOCK) * _FITS_BLOCK
