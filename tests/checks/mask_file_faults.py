"""Faults in how the file of a mask is written, and in what its DQ_DEF says."""

import numpy as np
from astropy.io import fits

from darkmask.core.flags import bits_of

from .mask_faults import spread
from .planting import BESIDE, HERE, Faults, one

fault = Faults("masks")


# These checks are all that can be asked of a mask alone.
ALL_OF_A_MASK = (
    *("CNT-HOT", "CNT-WARM", "CNT-RC", "CNT-TELEGRAPH", "CNT-NOISY", "CNT-LOW_PEDESTAL", "CNT-DO_NOT_USE"),
    *("CNT-CARRIED", "CNT-REFERENCE_PIXEL", "CNT-REFERENCE_GOOD"),
    *("DQ-BITS", "DQ-DO_NOT_USE", "DQ-PAIRS", "DQ-BORDER", "DQ-DEF", "DQ-RAW", "BAS-KEPT", "BAS-ADDED"),
    *("REF-SCHEMA", "REF-CERTIFY", "REF-DQINIT", "REF-HEADER", "REF-DTYPE"),
    *("STR-AMPLIFIER", "STR-SHARES", "STR-ROW", "STR-COLUMN", "STR-CLUMP"),
)


@fault(*ALL_OF_A_MASK, said="has no DQ extension, and the pipeline reads no other")
def no_dq_extension(space):
    with fits.open(space.mask, mode="update") as hdus:
        hdus["DQ"].name = "SCI"


@fault(*ALL_OF_A_MASK, said="has no DETECTOR in its header")
def no_detector_in_header(space):
    with fits.open(space.mask, mode="update") as hdus:
        del hdus[0].header["DETECTOR"]


@fault(*ALL_OF_A_MASK, said="is not a FITS file")
def mask_not_fits(space):
    space.mask.write_text("this is no FITS file\n")


@fault(*ALL_OF_A_MASK, said="2-D >f4 where a 2-D integer DQ array was expected")
def mask_float(space):
    with fits.open(space.mask) as hdus:
        dq = hdus["DQ"].data.astype(np.float32)
        header = hdus[0].header.copy()
    made = fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(dq, name="DQ")])
    made.writeto(space.mask, overwrite=True)


@fault(
    *((key, where, "FULL") for where in (HERE, BESIDE) for key in ALL_OF_A_MASK),
    said="and what may be another mask of NRCA1:",
)
def mask_that_nobody_can_read(space):
    """Plant a file beside the good masks whose name tells no detector."""
    (space.masks / "extra.fits").write_text("this is no FITS file\n")


@fault("CNT-DO_NOT_USE", "CNT-CARRIED", "BAS-KEPT", "BAS-ADDED", said="is not a FITS file")
def base_that_cannot_be_read(space):
    (path,) = space.base.glob("*nrca1*.fits")
    path.write_text("this is no FITS file\n")


@fault("DQ-DEF", "DQ-RAW", "CNT-RC", said="does not define 16384")
def row_of_dq_def_missing(space):
    without_row_of_dq_def(space.mask, "RC")


def without_row_of_dq_def(path, name) -> None:
    """Leave a bit in DQ that DQ_DEF no longer names."""
    with fits.open(path, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        hdus["DQ_DEF"].data = table[table["NAME"] != name]


@fault(
    *("DQ-DEF", "DQ-RAW", "CNT-RC"),
    *(("DQ-DEF", BESIDE, "FULL"), ("DQ-RAW", BESIDE, "FULL"), ("CNT-HOT", BESIDE, "FULL")),
    said="does not define 16384",
)
def rows_of_dq_def_missing_in_two_masks(space):
    without_row_of_dq_def(space.mask, "RC")
    without_row_of_dq_def(one(space.masks, f"*{BESIDE.lower()}.fits"), "HOT")


@fault(
    *("DQ-DEF", "DQ-RAW", "CNT-RC"),
    *((key, BESIDE, "FULL") for key in ALL_OF_A_MASK),
    said="RC +0 -",
)
def row_of_dq_def_missing_beside_a_broken_mask(space):
    without_row_of_dq_def(space.mask, "RC")
    one(space.masks, f"*{BESIDE.lower()}.fits").write_text("this is no FITS file\n")


@fault("DQ-DEF", "DQ-RAW", "CNT-HOT", said="does not define 2048")
def hot_moved_by_dq_def(space):
    with fits.open(space.mask, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        table["VALUE"][table["NAME"] == "HOT"] = 2**8
        hdus["DQ_DEF"].data = table[table["NAME"] != "RESERVED"]


@fault("DQ-RAW", "DQ-DEF", said="through DQ_DEF changes")
def bad_pixels_lost_in_decoding(space):
    """Plant pixels that say what is wrong with them by a bit that DQ_DEF has no name for."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[spread(20)] = 2**8
        hdus["DQ"].data = dq
        table = hdus["DQ_DEF"].data
        hdus["DQ_DEF"].data = table[table["VALUE"] != 2**8]


@fault("DQ-DEF", said="HOT at 256 in DQ_DEF, a name that stands there more than once")
def row_of_dq_def_copied(space):
    with fits.open(space.mask, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        table["NAME"][table["VALUE"] == 2**8] = "HOT"


@fault("DQ-DEF", "DQ-RAW", said="UNRELIABLE_DARK +")
def flag_gained_and_flag_lost_in_decoding(space):
    """Plant pixels that lose one flag, for which DQ_DEF has no name, and gain another by a second row of DO_NOT_USE."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[spread(20)] = bits_of(("DO_NOT_USE",)) | 2**8
        hdus["DQ"].data = dq
        table = hdus["DQ_DEF"].data
        table["VALUE"][table["NAME"] == "UNRELIABLE_DARK"] = 1
        hdus["DQ_DEF"].data = table[table["VALUE"] != 2**8]


@fault("DQ-DEF", said="which is not one bit of 32")
def value_of_more_than_32_bits(space):
    """Plant a VALUE of which the pipeline uses the lower 32 bits, which are another flag's."""
    with fits.open(space.mask, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        wide = np.zeros(len(table), dtype=[("BIT", "i4"), ("VALUE", "i8"), ("NAME", "S40"), ("DESCRIPTION", "S80")])
        for name in wide.dtype.names:
            wide[name] = table[name]
        wide["VALUE"][table["NAME"] == "RESERVED"] = 2**40
        hdus["DQ_DEF"].data = wide


@fault(*ALL_OF_A_MASK, said="has BSCALE 2 on its DQ array")
def mask_scaled(space):
    with fits.open(space.mask, mode="update", do_not_scale_image_data=True) as hdus:
        dq = hdus["DQ"].data.copy()
        hdus["DQ"].data = dq // 2
        hdus["DQ"].header["BSCALE"] = 2
        hdus["DQ"].header["BZERO"] = 0


@fault(*ALL_OF_A_MASK, said="has a table (XTENSION BINTABLE) as DQ")
def mask_as_table(space):
    with fits.open(space.mask) as hdus:
        header, table = hdus[0].header.copy(), hdus["DQ_DEF"].data.copy()
    made = fits.HDUList([fits.PrimaryHDU(header=header), fits.BinTableHDU(table, name="DQ")])
    made.writeto(space.mask, overwrite=True)
