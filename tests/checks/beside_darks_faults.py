"""Faults in masks that somebody else made, which the darks beside them show."""

import numpy as np
from astropy.io import fits

from darkmask.core.flags import has_flag

from .mask_faults import BAD, add, replace
from .planting import BORDER, Faults, every_exposure, first_of, one_in
from .ramp_faults import JUMP_DET

fault = Faults("masks")


def beside_darks(space) -> None:
    option = f"--delivery={space.delivery}"
    if option not in space.options:
        space.options.append(option)


def good_ones(space, number: int) -> np.ndarray:
    """Return so many pixels without a flag, bool (y, x)."""
    with fits.open(space.mask) as hdus:
        good = hdus["DQ"].data == 0
    return first_of(one_in(4, good.shape, 5) & good, number)


@fault("RES-CONFIRMED", said="pixels called HOT, 20 of 20 pixels called RC")
def good_pixels_called_hot(space):
    """Plant a mask that calls a few good pixels hot, beside the darks that show them to be good."""
    beside_darks(space)
    add(space, good_ones(space, 20), *BAD)


@fault("RES-CONFIRMED_NOISY", said="pixels called TELEGRAPH in")
def good_pixels_called_telegraph(space):
    beside_darks(space)
    add(space, good_ones(space, 15), "TELEGRAPH", "DO_NOT_USE")


@fault("RES-CONFIRMED_NOISY", said="pixels called UNRELIABLE_SLOPE")
def good_pixels_called_noisy(space):
    beside_darks(space)
    add(space, good_ones(space, 60), "UNRELIABLE_SLOPE", "DO_NOT_USE")


@fault("RES-REASON", said="pixels of jwst_nircam_mask_nrca1.fits that say DO_NOT_USE and not why are good")
def a_column_without_a_reason(space):
    """Plant a column that nobody may use, that the darks and the mask in force call good, and no flag that says why."""
    beside_darks(space)
    add(space, np.s_[BORDER:-BORDER, 77], "DO_NOT_USE")


@fault("RES-REASON", said="say DO_NOT_USE and not why are good in the darks")
def a_block_of_a_vague_name(space):
    """Plant a block of good pixels that nobody may use, which says that something is wrong and not what."""
    beside_darks(space)
    add(space, np.s_[70:77, 60:67], "DO_NOT_USE", "OTHER_BAD_PIXEL")


@fault("RES-CONFIRMED_WARM", said="pixels called WARM in")
def good_pixels_called_warm(space):
    """Plant a mask of somebody who cut warm pixels in the noise, and takes them out of use."""
    beside_darks(space)
    add(space, good_ones(space, 40), "WARM", "DO_NOT_USE")


@fault("RES-CONFIRMED_DARK", said="pixels called UNRELIABLE_DARK")
def good_pixels_called_unreliable_in_darks(space):
    beside_darks(space)
    add(space, good_ones(space, 40), "UNRELIABLE_DARK", "DO_NOT_USE")


def more_hits(space, spared: np.ndarray, number: int = 100) -> None:
    """Plant so many more cosmic rays in each integration, in all pixels but some, as the jump step leaves them."""
    numbers = np.random.default_rng(13)
    for ramps in every_exposure(space.delivery):
        nint, ngroup, rows, columns = ramps.sci.shape
        for i in range(nint):
            for _ in range(number):
                g, y, x = numbers.integers((1, BORDER, BORDER), (ngroup, rows - BORDER, columns - BORDER))
                if not spared[y, x]:
                    ramps.sci[i, g:, y, x] += np.float32(numbers.uniform(300, 3000))
                    ramps.groupdq[i, g, y, x] |= JUMP_DET


@fault("RES-DEAD", "BAS-ADDED", said="pixels called DEAD have")
def good_pixels_called_dead(space):
    """Plant a mask that calls good pixels dead, beside darks in which cosmic rays leave their charge there."""
    beside_darks(space)
    dead = good_ones(space, 250)
    more_hits(space, np.zeros_like(dead))
    add(space, dead, "DEAD", "DO_NOT_USE")


@fault("RES-CONFIRMED", "RES-CONFIRMED_NOISY", "RES-REASON", "RES-DEAD", "BAS-ADDED", said="some that were hit: x")
def good_pixels_out_of_use_for_many_reasons(space):
    a_column_without_a_reason(space)
    good_pixels_called_telegraph(space)
    good_pixels_called_hot(space)
    good_pixels_called_dead(space)


@fault("RES-HOT", "RES-CAUGHT_STEADY", said="that the darks show throughout are out of use in")
def a_few_hot_pixels_taken_out(space):
    """Plant a mask that lost no more pixels than may turn hot, of those that are hot throughout the darks."""
    beside_darks(space)
    replace(space, lambda dq: first_of(has_flag(dq, "HOT"), 5), 0)


@fault("RES-HOT", "RES-CAUGHT", "RES-CAUGHT_STEADY", said="outside the mask are hot in all darks together")
def hot_pixels_taken_out(space):
    """Plant a mask that lost thirty hot pixels, beside the darks that show them."""
    beside_darks(space)
    with fits.open(space.mask) as hdus:
        hot = has_flag(hdus["DQ"].data, "HOT")
    replace(space, first_of(hot, 30), 0)


@fault("RES-CAUGHT", "RES-CAUGHT_STEADY", said="rc pixels that the darks show are out of use")
def rc_pixels_taken_out(space):
    """Plant a mask that lost one rc pixel in four, beside the darks that show them: counts do not tell."""
    beside_darks(space)
    replace(space, lambda dq: first_of(has_flag(dq, "RC"), int(has_flag(dq, "RC").sum()) // 4), 0)


@fault("RES-CAUGHT_NOISY", "RES-NOISY", said="noisy pixels that the darks show are out of use")
def pixels_that_switch_taken_out(space):
    """Plant a mask that lost most pixels that switch between two levels, beside the darks that show them."""
    beside_darks(space)
    replace(space, lambda dq: first_of(has_flag(dq, "TELEGRAPH"), int(0.8 * has_flag(dq, "TELEGRAPH").sum())), 0)


@fault("RES-CONFIRMED_NOISY", said="0 of 20 pixels called TELEGRAPH")
def names_exchanged(space):
    """Plant a mask whose DQ_DEF gives RC and TELEGRAPH each other's bit, beside the darks that show them."""
    beside_darks(space)
    with fits.open(space.mask, mode="update") as hdus:
        names = hdus["DQ_DEF"].data["NAME"]
        places = [next(i for i, name in enumerate(names) if name.strip() == called) for called in ("RC", "TELEGRAPH")]
        names[places] = names[places[::-1]]
