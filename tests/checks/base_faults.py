"""Faults in the mask in force, which a mask is made with or judged beside."""

import shutil

import numpy as np
from astropy.io import fits

from .planting import BESIDE, BORDER, Faults, edit, one

fault = Faults("delivery")


def base_of(space, detector: str = "nrca1"):
    return one(space.base, f"*{detector}*.fits")


def found_before(space) -> None:
    """Give a mask that holds what darks show, as a mask in force does."""
    shutil.copy(space.mask, base_of(space))


def change(path, made) -> None:
    with fits.open(path, mode="update") as hdus:
        hdus["DQ"].data = made(hdus["DQ"].data.copy())


def emptied(dq: np.ndarray) -> np.ndarray:
    dq[BORDER:-BORDER, BORDER:-BORDER] = 0
    return dq


@fault("BAS-REGISTRATION", "BAS-RETAINED", said="flipped left to right")
def base_flipped(space):
    """Plant a mask in force in another orientation: what is dead comes to lie elsewhere, and nothing is lost."""
    found_before(space)
    change(base_of(space), lambda dq: dq[:, ::-1].copy())


@fault("BAS-HEADER", said="has FASTAXIS 1 where -1 belongs to NRCA1")
def axes_of_the_base(space):
    edit(base_of(space), FASTAXIS=1, SLOWAXIS=-2)


@fault("BAS-FLAGGED", said="flags 0 science pixels")
def base_without_a_flag(space):
    change(base_of(space), emptied)


@fault(
    *("BAS-REGISTRATION", "BAS-RETAINED", "BAS-HEADER", ("BAS-FLAGGED", BESIDE, "FULL")),
    said="flipped left to right",
)
def bases_that_are_empty_or_turned(space):
    base_flipped(space)
    axes_of_the_base(space)
    change(base_of(space, BESIDE.lower()), emptied)
