"""Masks as somebody else may have written them."""

import numpy as np
from astropy.io import fits

from darkmask.core.detectors import DETECTORS, Geometry
from darkmask.core.flags import bits_of, has_flag
from darkmask.masks.file import MaskMeta, full_dq_def, write_mask
from tests.support.few_pixels import criteria

FRAME = 64
CRITERIA = criteria("handmade", FRAME)
BAD = bits_of(("HOT", "DO_NOT_USE"))


def good_mask(folder, detector, frame=FRAME):
    """Make a mask without a fault; return it and its path."""
    dq = np.where(Geometry(frame).reference_pixels(), bits_of(("REFERENCE_PIXEL",)), 0).astype(np.uint32)
    # No pixel is bad in two detectors.
    down, right = divmod(list(DETECTORS).index(detector), 5)
    dq[10 + down : 50 : 7, 9 + right : 40 + right : 5] = BAD
    path = folder / f"jwst_nircam_mask_{detector.lower()}.fits"
    dates = "INFLIGHT 2022-04-01 2022-04-02"
    write_mask(path, dq, MaskMeta(detector, "an author", "a description", dates, "2022-04-01T00:00:00", ("a line",)))
    return path


def rewrite(path, dq=None, dq_def=None, **keywords):
    """Write a mask again with another array, table (None: none at all) or keywords."""
    with fits.open(path) as hdus:
        header, stored = hdus[0].header.copy(), hdus["DQ"].data.copy()
    header.update(keywords)
    made = fits.HDUList(
        [fits.PrimaryHDU(header=header), fits.ImageHDU(stored if dq is None else dq(stored), name="DQ")]
    )
    if dq_def is not None:
        made.append(fits.BinTableHDU(dq_def, name="DQ_DEF"))
    made.writeto(path, overwrite=True)


def table(*rows):
    """Return a DQ_DEF of (value, name)."""
    made = full_dq_def()[: len(rows)].copy()
    for row, (value, name) in zip(made, rows, strict=True):
        row["BIT"], row["VALUE"], row["NAME"] = value.bit_length() - 1, value, name
    return made


def compact(dq):
    """Translate standard bits into those of a table of its own: 1 DO_NOT_USE, 2 HOT, 4 REFERENCE_PIXEL."""
    flags = {1: "DO_NOT_USE", 2: "HOT", 4: "REFERENCE_PIXEL"}
    return sum(has_flag(dq, name) * np.uint32(value) for value, name in flags.items()).astype(np.uint32)


COMPACT_DEF = table((1, "DO_NOT_USE"), (2, "HOT"), (4, "REFERENCE_PIXEL"))
