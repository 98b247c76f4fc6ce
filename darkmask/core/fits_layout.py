"""What astropy does not say of a damaged FITS file: where its parts lie, and whether they are all of it."""

from collections.abc import Iterable
from typing import Any, BinaryIO

SIGNATURE = b"SIMPLE  ="
_CARD = 80
# What a header may be made of (FITS standard 4.0, 3.2).
_TEXT = bytes(range(0x20, 0x7F))


def damage(hdus: Iterable[Any], file: BinaryIO, size: int) -> str:
    """What is wrong with the layout of a FITS file that astropy could open.

    astropy takes a header that it cannot read for the end of the file, and one without its END card runs on through the
    data to the END of the next: the array of one extension is then taken for that of another.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        All of the file.
    file : binary file
        The same, to read headers from.
    size : int
        Bytes that the file has.

    Returns
    -------
    str
        A clause like "has 5 bytes and its headers announce 10"; empty where all is well.
    """
    end = 0
    for hdu in hdus:
        # Of each HDU: HDUList.fileinfo writes all headers anew each time, to see whether one was changed.
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
    """Whether this is text, with one END card that only blanks follow."""
    if content.translate(None, _TEXT):
        return False
    cards = [content[at : at + _CARD].rstrip() for at in range(0, len(content), _CARD)]
    return cards.count(b"END") == 1 and not any(cards[cards.index(b"END") + 1 :])
