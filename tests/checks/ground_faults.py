"""Faults in what the ground test is said to have found."""

import numpy as np
from astropy.io import fits

from darkmask.core.flags import bits_of

from .mask_faults import BAD, add, spread
from .planting import Faults, one, one_in

fault = Faults("ground")

AGREEMENT = ("GND-RETAINED", "GND-GONE", "GND-NEW", "GND-KAPPA")
REGISTRATION = "GND-REGISTRATION"
# What a ground mask had already is no excess.
STRUCTURE = ("STR-AMPLIFIER", "STR-SHARES", "STR-ROW", "STR-COLUMN", "STR-CLUMP")


def change(space, how) -> None:
    """Change the DQ array of the ground mask."""
    with fits.open(one(space.ground, "*nrca1.fits"), mode="update") as hdus:
        hdus["DQ"].data = how(hdus["DQ"].data.copy())


def without(dq: np.ndarray, where: np.ndarray) -> np.ndarray:
    border = dq & dq.dtype.type(bits_of(("REFERENCE_PIXEL", "NON_SCIENCE")))
    return np.where(where, border, dq)


@fault(*AGREEMENT, REGISTRATION, said="The ground mask fits the flight mask shifted by -1 in x and +0 in y")
def shifted_by_one_pixel(space):
    change(space, lambda dq: np.roll(dq, 1, axis=1))


@fault(*AGREEMENT, REGISTRATION, said="The ground mask fits the flight mask flipped upside down")
def turned_upside_down(space):
    change(space, lambda dq: dq[::-1].copy())


@fault(*AGREEMENT, REGISTRATION, said="The ground mask fits the flight mask transposed (x and y exchanged)")
def rows_for_columns(space):
    change(space, lambda dq: dq.T.copy())


@fault(*AGREEMENT, REGISTRATION, said="rotated by 180 degrees and shifted by +0 in x and -2 in y")
def in_raw_orientation_and_cut_wrongly(space):
    change(space, lambda dq: np.roll(dq, 2, axis=0)[::-1, ::-1].copy())


@fault("GND-CLUSTERED", said="times the distance of random ones")
def new_ones_in_one_place(space):
    """Plant thirty-six, none of them beside another, on the edge of two amplifiers."""
    add(space, np.s_[40:64:4, 52:76:4], *BAD)


@fault(*AGREEMENT, REGISTRATION, said="are needed")
def of_another_detector(space):
    """Plant the long-wave detector's mask under the short-wave detector's name."""
    here, other = one(space.ground, "*nrca1.fits"), one(space.ground, "*nrcblong.fits")
    here.write_bytes(other.read_bytes())
    with fits.open(here, mode="update") as hdus:
        hdus[0].header["DETECTOR"] = "NRCA1"


@fault("GND-NEW", said="pixels are newly bad")
def many_new(space):
    add(space, spread(110), *BAD)


@fault("GND-KAPPA", REGISTRATION, said="Cohen's kappa")
def found_next_to_nothing(space):
    """Plant a ground test that was blind in nine of ten rows."""
    change(space, lambda dq: without(dq, np.arange(128)[:, None] % 10 != 0))


@fault("GND-RETAINED", "GND-GONE", "GND-KAPPA", said="bad pixels are good now")
def called_many_bad(space):
    many = one_in(16, (128, 128), step=5)
    change(space, lambda dq: np.where(many, dq | dq.dtype.type(bits_of(("HOT", "DO_NOT_USE"))), dq))


@fault(*AGREEMENT, REGISTRATION, said="flags no pixel that a search of darks looks for")
def empty(space):
    change(space, lambda dq: without(dq, np.ones((128, 1), dtype=bool)))


@fault(*AGREEMENT, REGISTRATION, *STRUCTURE, said="is not a FITS file")
def ground_not_fits(space):
    one(space.ground, "*nrca1.fits").write_text("this is no FITS file\n")
