"""Faults in the pixels and flags of masks that somebody else made, which are judged without darks."""

import numpy as np
from astropy.io import fits

from darkmask.core.flags import bits_of, has_flag
from darkmask.masks.compare import COMPARED_MNEMONICS

from .planting import BESIDE, BORDER, Faults, first_of, one_in

fault = Faults("masks")

BAD = ("HOT", "DO_NOT_USE")


def add(space, where, *names) -> None:
    """Set flags of some pixels."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        # NumPy takes a mask of pixels and the index of one pixel alike.
        dq[where] |= dq.dtype.type(bits_of(names))
        hdus["DQ"].data = dq


def replace(space, where, value) -> None:
    """Give some pixels another value."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[where(dq) if callable(where) else where] = value
        hdus["DQ"].data = dq


def spread(number: int) -> np.ndarray:
    """Return so many science pixels, in no line and no clump."""
    return first_of(one_in(16, (128, 128), step=5), number)


def has(name: str):
    return lambda dq: has_flag(dq, name)


@fault("DQ-BITS", said="JUMP_DET")
def bit_of_an_exposure(space):
    add(space, (40, 40), "JUMP_DET")


@fault("DQ-BITS", said="SATURATED")
def saturated_of_an_exposure(space):
    add(space, (40, 40), "SATURATED", "DO_NOT_USE")


@fault("DQ-DO_NOT_USE", said="without DO_NOT_USE")
def hot_without_do_not_use(space):
    replace(space, (40, 40), bits_of(("HOT",)))


@fault("DQ-DO_NOT_USE", ("DQ-DO_NOT_USE", BESIDE, "FULL"), said="without DO_NOT_USE")
def neighbours_of_hot_pixels_used_though_the_criteria_say_not(space):
    with space.criteria.open("a") as file:
        file.write('\n[search]\nhot_neighbours = "+"\n')


@fault("DQ-PAIRS", said="HOT and DEAD")
def hot_and_dead(space):
    replace(space, (40, 40), bits_of(("HOT", "DEAD", "DO_NOT_USE")))


@fault("DQ-OWN", ("DQ-OWN", BESIDE, "FULL"), said="which shares most")
def bad_pixels_of_another_detector(space):
    """Plant what a search found in the other detector, beside what the mask in force says of this one."""
    (other,) = space.masks.glob(f"*{BESIDE.lower()}.fits")
    found = bits_of(COMPARED_MNEMONICS)
    with fits.open(space.mask) as hdus, fits.open(other) as hdus_of_other:
        dq, there = hdus["DQ"].data, hdus_of_other["DQ"].data
        carried = (dq != 0) & ((dq & found) == 0)
        taken = np.where((there & found) != 0, there, dq.dtype.type(0))
        changed = np.where(carried, dq, taken)
    replace(space, np.s_[:, :], changed)


@fault("DQ-BORDER", "BAS-KEPT", said="border pixels of")
def border_missing(space):
    replace(space, np.s_[:BORDER], 0)


@fault("DQ-BORDER", said="1 inside have it")
def reference_pixel_inside(space):
    add(space, (40, 40), "REFERENCE_PIXEL")


@fault("BAS-KEPT", said="DEAD of 9 pixels, from x")
def dead_pixels_lost(space):
    replace(space, has("DEAD"), 0)


@fault("BAS-ADDED", said="UNRELIABLE_BIAS of 120")
def a_column_whose_bias_nobody_measured(space):
    """Plant a column of good pixels that are taken out of use for a flag of the superbias."""
    add(space, np.s_[4:124, 40], "UNRELIABLE_BIAS", "DO_NOT_USE")


@fault("BAS-ADDED", said="have flags that darks cannot tell and")
def dead_pixels_from_nowhere(space):
    """Plant a mask that calls a part of a column dead, of which neither darks nor the mask in force know."""
    with fits.open(space.mask) as hdus:
        part = np.zeros(hdus["DQ"].data.shape, bool)
        part[10:30, 70] = True
        part &= hdus["DQ"].data == 0
    add(space, part, "DEAD", "DO_NOT_USE")


@fault("BAS-KEPT", said="OPEN of 5 pixels, from x")
def open_pixels_of_the_base_not_taken_over(space):
    (path,) = space.base.glob("*nrca1*.fits")
    with fits.open(path, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[spread(5)] |= dq.dtype.type(bits_of(("OPEN", "DO_NOT_USE")))
        hdus["DQ"].data = dq


@fault("BAS-KEPT", said="NO_FLAT_FIELD of 5 pixels, from x")
def flags_of_other_calibrations_lost(space):
    """Plant a mask in force that holds what other reference files say, and a mask that knows nothing of it."""
    (path,) = space.base.glob("*nrca1*.fits")
    names = ("NO_FLAT_FIELD", "NO_GAIN_VALUE", "NO_LIN_CORR", "NO_SAT_CHECK", "UNRELIABLE_FLAT", "UNRELIABLE_BIAS")
    with fits.open(path, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[spread(5)] |= dq.dtype.type(bits_of(names))
        hdus["DQ"].data = dq


@fault("BAS-KEPT", said="DO_NOT_USE of 5 pixels, from x")
def unnamed_pixels_of_the_base_used(space):
    """Plant a mask in force like the public lists: DO_NOT_USE, and nothing that says why."""
    (path,) = space.base.glob("*nrca1*.fits")
    with fits.open(path, mode="update") as hdus, fits.open(space.mask) as mask:
        dq = hdus["DQ"].data.copy()
        dq[first_of((dq == 0) & (mask["DQ"].data == 0), 5)] = bits_of(("DO_NOT_USE",))
        hdus["DQ"].data = dq


@fault("BAS-KEPT", said="does not define 1024, so that")
def flags_of_the_base_that_its_dq_def_lost(space):
    """Plant a mask in force that has lost the name of DEAD, and a mask that knows of no dead pixel."""
    (path,) = space.base.glob("*nrca1*.fits")
    with fits.open(path, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        hdus["DQ_DEF"].data = table[table["NAME"] != "DEAD"]
    replace(space, has("DEAD"), bits_of(("DO_NOT_USE",)))


@fault("CNT-CARRIED", said="by what was carried")
def base_that_takes_out_too_much(space):
    """Plant a mask in force that takes out one science pixel in sixteen, and a mask that carries them all."""
    (path,) = space.base.glob("*nrca1*.fits")
    where = one_in(16, (128, 128), step=5)
    with fits.open(path, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[where] |= dq.dtype.type(bits_of(("DO_NOT_USE",)))
        hdus["DQ"].data = dq
    add(space, where, "DO_NOT_USE")


@fault("BAS-KEPT", said="DO_NOT_USE of")
def open_pixels_used(space):
    """Plant pixels that are still called OPEN, but that nobody is told to leave out."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        dq[has("OPEN")(dq)] = bits_of(("OPEN",))
        hdus["DQ"].data = dq


@fault(
    *("CNT-HOT", "CNT-RC", "CNT-TELEGRAPH", "CNT-NOISY", "CNT-LOW_PEDESTAL", "CNT-DO_NOT_USE", "BAS-KEPT"),
    said="0 pixels with HOT",
)
def empty_mask(space):
    replace(space, np.s_[BORDER:-BORDER, BORDER:-BORDER], bits_of(()))


@fault("CNT-HOT", said="pixels with HOT in the mask")
def many_hot(space):
    add(space, spread(350), *BAD)


@fault("CNT-WARM", said="pixels with WARM in the mask")
def many_warm(space):
    add(space, spread(350), "WARM")


@fault("CNT-RC", said="pixels with RC in the mask")
def many_rc(space):
    add(space, spread(120), "RC", "DO_NOT_USE")


@fault("CNT-TELEGRAPH", said="pixels with TELEGRAPH in the mask")
def many_telegraph(space):
    add(space, spread(120), "TELEGRAPH", "DO_NOT_USE")


@fault("CNT-NOISY", said="pixels with UNRELIABLE_SLOPE in the mask")
def many_noisy(space):
    add(space, spread(120), "UNRELIABLE_SLOPE", "DO_NOT_USE")


@fault("CNT-LOW_PEDESTAL", said="pixels with OTHER_BAD_PIXEL in the mask")
def many_other(space):
    add(space, spread(120), "OTHER_BAD_PIXEL")


@fault("CNT-DO_NOT_USE", said="are operable")
def many_unusable(space):
    add(space, one_in(16, (128, 128), step=5), "DO_NOT_USE")


@fault("CNT-REFERENCE_PIXEL", said="reference pixels of NRCA1 are bad")
def many_bad_reference_pixels(space):
    add(space, np.s_[:BORDER, ::3], "BAD_REF_PIXEL", "DO_NOT_USE")


@fault("CNT-REFERENCE_GOOD", said="left side, rows")
def a_few_rows_without_a_reference(space):
    add(space, np.s_[40:47, :BORDER], "BAD_REF_PIXEL", "DO_NOT_USE")


@fault("STR-ROW", said="row 60 of NRCA1 has the most bad pixels")
def bad_row(space):
    # Every other pixel is bad: without gaps the row would be a clump as well.
    add(space, np.s_[60, BORDER:-BORDER:2], *BAD)


@fault("STR-COLUMN", said="column 77 of NRCA1 has the most bad pixels")
def bad_column(space):
    # The bad pixels are too few to make an amplifier stand out.
    add(space, np.s_[BORDER:-BORDER:4, 77], *BAD)


@fault("STR-AMPLIFIER", "STR-SHARES", said="number 3 the most")
def bad_amplifier(space):
    where = np.zeros((128, 128), dtype=bool)
    where[:, 64:96] = one_in(24, (128, 128), step=5)[:, 64:96]
    add(space, where, *BAD)


@fault("STR-CLUMP", said="the largest clump of NRCA1 in all begins at x")
def clump(space):
    # The clump lies on the edge of two amplifiers, so that neither stands out.
    add(space, np.s_[20:28, 60:68], *BAD)


@fault("REF-HEADER", said="has USEAFTER 2099-01-01 where a day up to today")
def used_from_a_later_day(space):
    """Plant a mask that CRDS would give to no exposure."""
    fits.setval(space.mask, "USEAFTER", value="2099-01-01T00:00:00")
