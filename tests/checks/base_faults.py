"""Faults in the mask in force, which a mask is made with or judged beside."""

import shutil

import numpy as np
from astropy.io import fits

from darkmask.core.flags import bits_of, has_flag

from .beside_darks_faults import more_hits
from .planting import BESIDE, BORDER, HERE, Faults, edit, one, one_in

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


@fault("BAS-HEADER", said="has USEAFTER 2093-01-01 where a day up to today")
def base_of_a_day_to_come(space):
    edit(base_of(space), USEAFTER="2093-01-01T00:00:00")


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


def other_dead_pixels(dq: np.ndarray) -> np.ndarray:
    """Return a mask that calls pixels dead which are not, as the flags of another detector do."""
    dead = dq.dtype.type(bits_of(("DEAD", "DO_NOT_USE")))
    return np.where(one_in(120, dq.shape) & (dq == 0), dead, dq)


@fault("BAS-DEAD", said="pixels called DEAD have")
def dead_pixels_of_another_detector_in_force(space):
    """Plant a mask in force of which the DEAD flags alone are another's, and hits as of darks ten times as long."""
    with fits.open(base_of(space)) as hdus:
        dead = has_flag(hdus["DQ"].data.astype(np.uint32), "DEAD", "OPEN")
    change(base_of(space), other_dead_pixels)
    more_hits(space, spared=dead, number=150)


@fault("BAS-OWN", ("BAS-OWN", BESIDE, "FULL"), said="in the mask in force of NRC")
def one_base_under_two_names(space):
    """Plant masks in force of which one has the dead pixels of the other: a search carries them into the wrong one."""
    dead = None
    for detector in (BESIDE.lower(), HERE.lower()):
        path = base_of(space, detector)
        if dead is None:
            change(path, lambda dq: np.where(one_in(200, dq.shape) & (dq == 0), bits_of(("DEAD", "DO_NOT_USE")), dq))
            with fits.open(path) as hdus:
                dead = hdus["DQ"].data.copy()
        else:
            change(path, lambda dq, dead=dead: dead.astype(dq.dtype))
