"""What a new mask takes over from the mask in force, and the image that keeps it apart from what was found.

A flag of the mask in force is carried unless this run measured what it says; which flags those are, the flags of the
search say. Without a record of what was carried, a flag that one search set is old the next time, and no pixel that
healed is ever freed: masks would only grow.
"""

import hashlib
from pathlib import Path

import numpy as np

from darkmask.core.atomic import replacing
from darkmask.core.errors import MaskError
from darkmask.core.flags import dq_bits, has_flag, pixel_flags

from .file import MaskFile, read_header, read_mask

# REFTYPE of the image; not a type that CRDS knows.
REFTYPE = "CARRIED"


def carried_bits(base: np.ndarray, measured: np.ndarray, carried_before: np.ndarray | None = None) -> np.ndarray:
    """Return the bits that a new mask takes over from the mask in force.

    A flag is carried where it was not measured. DO_NOT_USE says of itself nothing that could be measured, so it
    follows what it stands beside: it is carried where nothing stands beside it that was judged anew, and where a
    carried flag implies it. A flag implies it when every pixel of the mask in force that has this flag, and none that
    was judged anew, is DO_NOT_USE; without such a pixel nobody can tell, and it is carried.

    Parameters
    ----------
    base : numpy.ndarray, shape (y, x), uint32
        The mask in force.
    measured : numpy.ndarray, shape (y, x), uint32
        The bits that this run judged anew in each pixel: none in one that it could not judge.
    carried_before : numpy.ndarray, shape (y, x), uint32, optional
        What of the mask in force was carried into it, where that is known (:func:`read_carried`); the rest was found by
        a search, so that its DO_NOT_USE goes with the flag which that search set.

    Returns
    -------
    numpy.ndarray, shape (y, x), uint32
    """
    unusable = dq_bits("DO_NOT_USE")
    measured = measured & ~unusable
    source = base
    if carried_before is not None:
        # What an earlier search found goes only where this one judged all of it: the DO_NOT_USE of a flag that it does
        # not look for stays.
        found = base & ~carried_before & ~unusable
        source = np.where(((found & measured) != 0) & ((found & ~measured) == 0), carried_before, base)
    kept = base & ~measured & ~unusable
    unexplained = (source & measured) == 0
    implied = (kept & _implying(source, measured)) != 0
    return kept | np.where(unexplained | implied, source & unusable, np.uint32(0))


def _implying(base: np.ndarray, measured: np.ndarray) -> np.uint32:
    """Return the bits beside which DO_NOT_USE may not be taken away."""
    alone = (base & measured) == 0
    used = alone & ~has_flag(base, "DO_NOT_USE")
    without = np.bitwise_or.reduce(base[used], axis=None) if used.any() else np.uint32(0)
    # REFERENCE_PIXEL only says where the pixel lies.
    return np.uint32(sum(pixel_flags().values())) & ~without & ~dq_bits("DO_NOT_USE", "REFERENCE_PIXEL")


def path_beside(mask: Path) -> Path:
    """Return where the image of what was carried into a mask lies."""
    stem = mask.name.removesuffix(".gz").removesuffix(".fits")
    return mask.with_name(f"{stem}_carried.fits")


def write_carried(path: Path, carried: np.ndarray, mask: np.ndarray, detector: str) -> None:
    """Write what was carried into a mask: DQ bits, and the digest of the mask to which they belong.

    Parameters
    ----------
    path : Path
    carried, mask : numpy.ndarray, shape (y, x), uint32
    detector : str
    """
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    primary.header["REFTYPE"] = (REFTYPE, "not a CRDS type: kept beside the mask")
    primary.header["DETECTOR"] = detector
    primary.header["MASKDQ"] = _digest(mask)  # a comment would not fit beside it
    with replacing(path) as temporary:
        fits.HDUList([primary, fits.ImageHDU(carried, name="CARRIED")]).writeto(temporary, overwrite=True)


def read_carried(mask: MaskFile) -> np.ndarray | None:
    """Return what was carried into a mask; None where no image beside it tells.

    Parameters
    ----------
    mask : MaskFile

    Returns
    -------
    numpy.ndarray, shape (y, x), uint32, or None

    Raises
    ------
    MaskError
        When the image cannot be read, or belongs to another mask.
    """
    path = path_beside(mask.path)
    if not path.is_file():
        return None
    if read_header(path).get("MASKDQ") != _digest(mask.decoded):
        raise MaskError(
            f"{path} tells what was carried into another mask than {mask.path.name}, as it now is, and is the only "
            "record of it: bring the right one back, or remove it."
        )
    return read_mask(path).decoded


def _digest(dq: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(dq, dtype="<u4").tobytes()).hexdigest()
