"""Faults in what changed since the run before, and in what that run left."""

import numpy as np
from astropy.io import fits

from darkmask.core.flags import bits_of, has_flag
from darkmask.masks.compare import COMPARED_MNEMONICS
from darkmask.masks.untold import UNTOLD

from .mask_faults import BAD, spread
from .planting import Faults, first_of, one

fault = Faults("previous")

CHANGED = ("TRD-APPEARED", "TRD-DISAPPEARED")
_FLAGS = bits_of((*COMPARED_MNEMONICS, "DO_NOT_USE"))


def change(space, how) -> None:
    """Change a dark search's flags in the mask that is judged, where the mask in force says nothing."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        found = (dq & bits_of(COMPARED_MNEMONICS)) != 0
        ours = found & ((dq & ~dq.dtype.type(_FLAGS)) == 0)
        hdus["DQ"].data = how(dq, ours)


@fault("TRD-COUNT", "TRD-APPEARED", said="pixels became bad beside")
def twice_as_many(space):
    """Plant bad pixels in place of good ones: a dead one cannot be hot as well."""
    change(space, lambda dq, _: np.where(spread(120) & (dq == 0), dq.dtype.type(bits_of(BAD)), dq))


@fault("TRD-COUNT", "TRD-DISAPPEARED", "TRD-HOT", said="bad pixels are good now")
def healed_in_every_other_column(space):
    def heal(dq, ours):
        ours[:, ::2] = False
        return np.where(ours, 0, dq).astype(dq.dtype)

    change(space, heal)


@fault(*CHANGED, "TRD-HOT", said="bad pixels are good now")
def as_many_beside_where_they_were(space):
    def move(dq, ours):
        moved = np.where(ours, 0, dq).astype(dq.dtype)
        y, x = np.nonzero(ours)
        aside = np.where(x > 64, x - 1, x + 1)
        free = moved[y, aside] == 0
        moved[y[free], aside[free]] = dq[y[free], x[free]]
        return moved

    change(space, move)


@fault(*CHANGED, said="has no mask of NRCA1 beside it")
def earlier_mask_is_gone(space):
    one(space.earlier / "masks", "*nrca1.fits").unlink()


@fault(*CHANGED, said="is not the file that its manifest.json lists")
def earlier_mask_was_changed(space):
    with one(space.earlier / "masks", "*nrca1.fits").open("ab") as file:
        file.write(bytes(2880))


@fault("TRD-COUNT", said="CNT-DO_NOT_USE of NRCA1")
def earlier_count_was_never_measured(space):
    space.rewrite_earlier(
        lambda check: (check["id"], check["detector"]) == ("CNT-DO_NOT_USE", "NRCA1"), measured=None, outcome="error"
    )


@fault("TRD-HOT", said="hot pixels of NRCA1 of")
def hot_pixels_cleaned(space):
    """Plant a mask of darks in which some of the hot pixels were taken out."""

    def clean(dq, ours):
        cleaned = first_of(ours & has_flag(dq, "HOT") & ~has_flag(dq, "TELEGRAPH", "UNRELIABLE_DARK"), 6)
        return np.where(cleaned, 0, dq).astype(dq.dtype)

    change(space, clean)


@fault("TRD-KEPT", said="that darks cannot tell: ")
def base_forgotten(space):
    """Plant a mask that was made without the mask in force from which the earlier one took its dead pixels."""
    with fits.open(space.mask, mode="update") as hdus:
        dq = hdus["DQ"].data.copy()
        unlit = has_flag(dq, *UNTOLD) & ~has_flag(dq, "REFERENCE_PIXEL")
        hdus["DQ"].data = np.where(unlit, dq & bits_of(COMPARED_MNEMONICS), dq).astype(dq.dtype)
