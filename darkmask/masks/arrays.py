"""Choose the DQ array and the DQ_DEF of an opened mask, and refuse what could be read in two ways.

``MaskModel`` takes the first extension called DQ in the order of the file, whatever its EXTVER, and the first DQ_DEF;
it applies BSCALE and BZERO. Other readers ask for DQ of EXTVER 1, or take the first array of the file. A mask in which
these differ is refused, because what is judged here would not be what somebody uses.
"""

from pathlib import Path

import numpy as np

from darkmask.core.errors import MaskError

# BZERO with which FITS writes an unsigned (or, for 8 bits, a signed) type, by BITPIX.
_OF_UNSIGNED = {8: -128, 16: 2**15, 32: 2**31, 64: 2**63}


def dq_array(hdus, path: Path) -> np.ndarray:
    """Return the one array of a mask: extension DQ, or the only 2-D image of a file without it.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
    path : Path
        For the sentences.

    Returns
    -------
    numpy.ndarray, shape (y, x), integer, of the file's byte order

    Raises
    ------
    MaskError
        When there is none, more than one, or one that is no 2-D array of stored integers.
    """
    named = [index for index, hdu in enumerate(hdus) if hdu.name.upper() == "DQ"]
    if named:
        _refuse_second_array(hdus, named, path)
    hdu = hdus[named[0] if named else _only_image(hdus, path)]
    if not hdu.is_image:
        raise MaskError(
            f"{path} has a table (XTENSION {hdu.header.get('XTENSION')}) as DQ where a 2-D integer image was expected: "
            "write DQ as an image."
        )
    cards = _scaling(hdu.header)
    raw = hdu.data
    if cards and raw is not None:
        raise MaskError(
            f"{path} has {cards} on its DQ array, where flags as whole numbers without scaling were expected: write "
            "the flags themselves."
        )
    if raw is None or raw.ndim != 2 or raw.dtype.kind not in "iu":
        found = "nothing" if raw is None else f"{raw.ndim}-D {raw.dtype}"
        raise MaskError(f"{path} has {found} where a 2-D integer DQ array was expected: this is no mask.")
    return raw


def _scaling(header) -> str:
    """Return the cards that make other numbers of an integer array than it stores; empty when there are none."""
    bitpix = header.get("BITPIX", 0)
    if bitpix <= 0:
        return ""  # an array of floats is refused as such
    scale, zero = header.get("BSCALE", 1), header.get("BZERO", 0)
    cards = [] if scale == 1 else [f"BSCALE {scale}"]
    if zero != 0 and (zero != _OF_UNSIGNED.get(bitpix) or cards):
        cards.append(f"BZERO {zero}")
    if "BLANK" in header:
        cards.append(f"BLANK {header['BLANK']}")
    return " and ".join(cards)


def _only_image(hdus, path: Path) -> int:
    images = [index for index, hdu in enumerate(hdus) if hdu.is_image and hdu.header.get("NAXIS") == 2]
    if len(images) > 1:
        names = " and ".join(hdus[index].name or f"HDU {index}" for index in images)
        raise MaskError(f"{path} has {len(images)} images ({names}) and none is called DQ: call the mask's DQ.")
    if images:
        return images[0]
    raise MaskError(f"{path} has no DQ extension and no 2-D image: this is no mask.")


def _refuse_second_array(hdus, named: list[int], path: Path) -> None:
    if named[0] == 0:
        raise MaskError(f"{path} calls its primary HDU DQ: write the array as an extension DQ, and the primary empty.")
    if hdus[0].header.get("NAXIS", 0):
        raise MaskError(f"{path} has an array in the primary HDU of a mask with DQ: keep one array, in extension DQ.")
    versions = [hdus[index].ver for index in named]
    if len(named) > 1:
        raise MaskError(
            f"{path} has more than one DQ extension (EXTVER {', '.join(map(str, versions))}), of which the pipeline "
            "takes the first in the file: keep the one that is meant, as EXTVER 1."
        )
    if versions != [1]:
        raise MaskError(
            f"{path} has DQ with EXTVER {versions[0]} alone, which the pipeline reads, while a reader that asks "
            "for 1 finds none: write EXTVER 1."
        )


def read_dq_def(hdus, path: Path) -> tuple[tuple[tuple[int, str], ...], tuple[int, ...]]:
    """Return VALUE and NAME of each row of DQ_DEF, and BIT of each row.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
    path : Path
        For the sentences.

    Returns
    -------
    dq_def : tuple of (int, str)
        Empty when there is no DQ_DEF. A VALUE of more than 32 bits stays as it is.
    bits : tuple of int
        Empty when the table has no BIT of whole numbers.

    Raises
    ------
    MaskError
        When there is more than one DQ_DEF, or it has no columns VALUE, of whole numbers, and NAME.
    """
    tables = [hdu.data for hdu in hdus if hdu.name.upper() == "DQ_DEF"]
    if not tables:
        return (), ()
    if len(tables) > 1:
        raise MaskError(
            f"{path} has {len(tables)} tables DQ_DEF, of which the pipeline takes the first: keep the one "
            "that is meant."
        )
    (table,) = tables
    columns = {name.upper(): name for name in getattr(table, "names", None) or ()}
    if not {"VALUE", "NAME"} <= set(columns):
        raise MaskError(f"{path} has a DQ_DEF without the columns VALUE and NAME: write the table again.")
    values, names = table[columns["VALUE"]], table[columns["NAME"]]
    if values.dtype.kind not in "iu":
        raise MaskError(f"{path} has a DQ_DEF whose VALUE is of the type {values.dtype}: write whole numbers.")
    dq_def = tuple((_unsigned(int(value)), str(name).strip()) for value, name in zip(values, names, strict=True))
    bits = table[columns["BIT"]] if "BIT" in columns else np.zeros(0)
    return dq_def, tuple(int(bit) for bit in bits) if bits.dtype.kind in "iu" else ()


def _unsigned(value: int) -> int:
    """Return a VALUE as it is meant: a plain FITS integer column holds the highest bit as a negative number."""
    return value + 2**32 if -(2**31) <= value < 0 else value
