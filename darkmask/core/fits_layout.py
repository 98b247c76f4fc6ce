"""Find damage to a FITS file that astropy does not report: where its parts lie, and whether they fill the file."""

from collections.abc import Iterable
from typing import Any, BinaryIO

SIGNATURE = b"SIMPLE  ="
_CARD = 80
# The bytes that a header may hold (FITS standard 4.0, 3.2).
_TEXT = bytes(range(0x20, 0x7F))


def damage(hdus: Iterable[Any], file: BinaryIO, size: int) -> str:
    """Return what is wrong with the layout of a FITS file that astropy could open.

    astropy takes a header that it cannot read for the end of the file. A header without its END card runs on through
    the data to the END of the next header: the array of one extension is then taken for that of another.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        All extensions of the file.
    file : binary file
        The same file, to read headers from.
    size : int
        Size of the file in bytes.

    Returns
    -------
    str
        A clause like "has 5 bytes and its headers announce 10"; empty when all is well.
    """
    end = 0
    for hdu in hdus:
        # Ask each HDU: HDUList.fileinfo writes all headers anew each time, to see whether one was changed.
        info = hdu.fileinfo()
        file.seek(info["hdrLoc"])
        header = file.read(info["datLoc"] - info["hdrLoc"])
        if info["hdrLoc"] != end or not _is_header(header):
            return f"has a damaged header in its extension {hdu.name or 'PRIMARY'}"
        end = info["datLoc"] + info["datSpan"]
    if size != end:
        return f"has {size} bytes and its readable headers announce {end}"
    return ""


def _is_header(content: bytes) -> bool:
    """Return whether this is text, with one END card that only blanks follow."""
    if content.translate(None, _TEXT):
        return False
    cards = [content[at : at + _CARD].rstrip() for at in range(0, len(content), _CARD)]
    return cards.count(b"END") == 1 and not any(cards[cards.index(b"END") + 1 :])
