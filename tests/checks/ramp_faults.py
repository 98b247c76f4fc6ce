"""Faults in what pixels did, or in what was done to their ramps: planted in all exposures of the delivery."""

import numpy as np

from darkmask.core.detectors import detector
from darkmask.simulate import read_truth
from darkmask.simulate.ramps import saturation_threshold

from .planting import Faults, every_exposure, first_of, one_in

fault = Faults("delivery")
SATURATED, DO_NOT_USE, JUMP_DET = 2, 1, 4
FRAME = (128, 128)
LAST = 4  # number of the last exposure
ADDITIONAL, MISSING = ((f"SUB-{part}", "NRCBLONG", "SUB64P") for part in ("ADDITIONAL", "MISSING"))


def spread(number: int, side: int = 10) -> np.ndarray:
    """Return pixels that do not touch, in a small block of each amplifier: injections elsewhere do not notice them."""
    where = np.zeros(FRAME, dtype=bool)
    for amplifier in range(4):
        where[20 + 24 * amplifier :, 10 + 32 * amplifier :][:side:2, :side:2] = True
    return first_of(where, number)


def random() -> np.random.Generator:
    return np.random.default_rng(20221)


def truth(space, category: str) -> np.ndarray:
    """Return where pixels of a category were simulated, bool (y, x)."""
    table = read_truth(space.truth, "NRCA1")
    here = np.zeros(FRAME, dtype=bool)
    chosen = table[table["category"] == category]
    here[chosen["y"], chosen["x"]] = True
    return here


def beside_defects(space) -> np.ndarray:
    """Return simulated defects, the pixels that touch them, and the border, bool (y, x)."""
    table = read_truth(space.truth, "NRCA1")
    near = np.zeros(FRAME, dtype=bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near[table["y"] + dy, table["x"] + dx] = True
    near[:4] = near[-4:] = near[:, :4] = near[:, -4:] = True
    return near


@fault("CNT-SATURATED", said="saturated pixels found by the search of NRCA1")
def many_saturated(space):
    where, full = spread(100), np.float32(saturation_threshold(detector("NRCA1")))
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, where] = full
        ramps.groupdq[:, :, where] |= SATURATED
        ramps.pedestal[:, where] = 0
        ramps.rate[:, where] = np.nan
        ramps.rate_dq[:, where] |= SATURATED | DO_NOT_USE


@fault("CNT-INVERSE_RC", said="inverse_rc pixels found by the search of NRCA1")
def many_falling(space):
    for ramps in every_exposure(space.delivery):
        ramps.add_signal(spread(100), -2.0)


@fault("CNT-NOISY", "ENG-ONLY", said="noisy pixels found by the search of NRCA1")
def slopes_that_scatter(space):
    """Plant pixels as quiet as ever from group to group, whose slopes differ between integrations by far more.

    Of ten integrations without the two farthest, chance leaves two thirds of them to be told; the release's clipping
    calls more of them noisy.
    """
    where, numbers = spread(160, 14), random()
    for ramps in every_exposure(space.delivery):
        slopes = numbers.normal(0, 0.085, (len(ramps.sci), 1, int(where.sum())))
        ramps.add_levels(where, slopes * ramps.seconds)


@fault("CNT-NOISY", said="noisy pixels found by the search of NRCA1")
def a_step_late_in_every_ramp(space):
    """Plant pixels that jump by the same in all integrations, as the jump step leaves them."""
    where = spread(100)
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, -3:, where] += np.float32(60)
        ramps.groupdq[:, -3, where] |= JUMP_DET


@fault("CNT-INTERMITTENT", said="intermittent pixels found by the search of NRCA1")
def hot_in_some_integrations(space):
    """Plant pixels that are hot in three of ten integrations, none of which begins the delivery or ends it."""
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if 1 <= number <= 3:
            ramps.add_signal(spread(100), 5.0, np.s_[:1])


def disc(radius: int) -> np.ndarray:
    """Return a round patch, bool (y, x)."""
    y, x = np.indices(FRAME)
    return (y - 100) ** 2 + (x - 100) ** 2 < radius**2


def add_persistence(ramps, number: int, patch: np.ndarray) -> None:
    """Let a patch glow by 1 e-/s in the first exposure, and as 1/t from then on."""
    for i in range(2):
        ramps.add_signal(patch, 0.5 / (2 * number + i + 1), np.s_[i : i + 1])


# What decays is counted as such, and no hot pixel that the mask made from the later exposures leaves.
@fault("CNT-TRANSIENT", said="transient pixels found by the search of NRCA1")
def persistence(space):
    for number, ramps in enumerate(every_exposure(space.delivery)):
        add_persistence(ramps, number, disc(16))


# Another law than that of the simulator: an exponential, of one time constant for each spot, and no scatter of traps.
@fault("STR-PATCHES", said="they fade to 1/e in")
def spots_that_were_lit(space):
    y, x = np.indices(FRAME)
    for number, ramps in enumerate(every_exposure(space.delivery)):
        for spot in range(6):
            where = (y - 30 - 60 * (spot // 3)) ** 2 + (x - 25 - 36 * (spot % 3)) ** 2 < 4.5**2
            for i in range(2):
                rate = (0.7 + 0.1 * spot) * np.exp(-(2 * number + i) / (1.2 + 0.3 * spot))
                ramps.add_signal(where, rate, np.s_[i : i + 1])


@fault("RES-HOT", said="outside the mask are hot in")
def hot_in_the_last_exposure_within_light_that_decays(space):
    patch = disc(10)
    turning = patch & (np.indices(FRAME) % 3 == 0).all(axis=0)
    for number, ramps in enumerate(every_exposure(space.delivery)):
        add_persistence(ramps, number, patch)
        if number == LAST:
            ramps.add_signal(turning, 5.0)


def turn_hot(space) -> None:
    """Make 40 pixels hot in the last two exposures."""
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number >= 3:
            ramps.add_signal(spread(40), 3.0)


@fault("CNT-UNDETERMINED", "DLV-PIXELDQ", said="undetermined pixels found by the search of NRCA1")
def many_taken_out(space):
    """Plant pixels as the ramp fit leaves those that it is told not to use."""
    where = spread(40)
    for ramps in every_exposure(space.delivery):
        ramps.pixeldq[where] |= DO_NOT_USE
        ramps.pedestal[:, where] = 0
        ramps.rate[:, where] = np.nan
        ramps.rate_dq[:, where] |= DO_NOT_USE


@fault(
    *("CNT-SATURATED", "CNT-HOT", "CNT-RC", "CNT-INVERSE_RC", "CNT-NOISY", "CNT-LOW_PEDESTAL", "CNT-TELEGRAPH"),
    *("CNT-DO_NOT_USE", "STB-HALVES", "DLV-REPLACED"),
    said="no pixel of NRCA1 is clearly bad in a half of its integrations",
)
def no_defects(space):
    """Plant good pixels in the place of all others: a detector that is too good to be true."""
    near = beside_defects(space)
    to, good = np.nonzero(near), np.nonzero(~near)
    chosen = random().integers(good[0].size, size=to[0].size)
    source = tuple(axis[chosen] for axis in good)
    for ramps in every_exposure(space.delivery):
        for array in (ramps.sci, ramps.groupdq, ramps.pedestal, ramps.rate, ramps.rate_dq):
            array[..., to[0], to[1]] = array[..., source[0], source[1]]


@fault(ADDITIONAL, said="pixels of NRCBLONG SUB64P are bad there and not in the full frame")
def hot_in_the_subarray_alone(space):
    for ramps in every_exposure(space.delivery, "NRCBLONG", "002"):
        # The ramps of the subarray take less than a second.
        ramps.add_signal(first_of(one_in(53, (64, 64)), 30), 500.0)


@fault(ADDITIONAL, said="pixels of NRCBLONG SUB64P are bad there and not in the full frame")
def noisy_in_the_subarray_alone(space):
    where, numbers = first_of(one_in(53, (64, 64)), 30), random()
    for ramps in every_exposure(space.delivery, "NRCBLONG", "002"):
        ramps.sci[:, :, where] += numbers.normal(0, 60, ramps.sci[:, :, where].shape).astype(np.float32)


@fault(MISSING, said="bad pixels of the full frame that NRCBLONG SUB64P would show are not bad there")
def defects_taken_out_of_the_subarray(space):
    """Plant a mended subarray: a good neighbour stands in for half of its bad pixels."""
    table = read_truth(space.truth, "NRCBLONG")
    y, x = table["y"] - 32, table["x"] - 32
    inside = (y >= 2) & (y < 62) & (x >= 2) & (x < 60)
    y, x = y[inside][::2], x[inside][::2]
    for ramps in every_exposure(space.delivery, "NRCBLONG", "002"):
        for array in (ramps.sci, ramps.groupdq, ramps.pedestal, ramps.rate, ramps.rate_dq):
            array[..., y, x] = array[..., y, x + 2]


@fault(ADDITIONAL, MISSING, said="pixels of NRCBLONG SUB64P are bad there and not in the full frame")
def subarray_shifted(space):
    for ramps in every_exposure(space.delivery, "NRCBLONG", "002"):
        for array in (ramps.sci, ramps.groupdq, ramps.pixeldq, ramps.pedestal, ramps.rate, ramps.rate_dq):
            array[...] = np.roll(array, (2, 3), axis=(-2, -1))


@fault("RES-HOT", said="outside the mask are hot in")
def hot_in_the_last_exposure(space):
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number == LAST:
            ramps.add_signal(spread(30), 5.0)


@fault("RES-NOISY", said="outside the mask are noisy in")
def noisy_in_the_last_exposure(space):
    where, numbers = spread(30), random()
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number == LAST:
            ramps.sci[:, :, where] += numbers.normal(0, 60, ramps.sci[:, :, where].shape).astype(np.float32)


@fault("STB-HALVES", said="that are clearly bad in one half of the integrations are good in the other")
def hot_in_every_other_integration(space):
    for ramps in every_exposure(space.delivery):
        ramps.add_signal(spread(30), 5.0, np.s_[::2])


@fault("STB-HALVES", said="that are clearly bad in one half of the integrations are good in the other")
def noisy_in_every_other_integration(space):
    where, numbers = spread(30), random()
    for ramps in every_exposure(space.delivery):
        ramps.sci[::2, :, where] += numbers.normal(0, 100, ramps.sci[::2, :, where].shape).astype(np.float32)


@fault("STB-HALVES", said="that are clearly bad in one half of the integrations are good in the other")
def decaying_in_every_other_integration(space):
    where = spread(30)
    for ramps in every_exposure(space.delivery):
        groups = np.arange(ramps.sci.shape[1])
        ramps.sci[::2, :, where] += (2000 * (1 - np.exp(-groups / 3)))[:, None].astype(np.float32)


@fault("DLV-HIDDEN", "INJ-PURITY", said="their ramps rise or begin otherwise")
def rates_that_do_not_fit_the_ramps(space):
    for ramps in every_exposure(space.delivery):
        rate = ramps.rate.copy()
        ramps.add_signal(spread(60), 2.0)
        ramps.rate[...] = rate


def compare_engines(space) -> None:
    with space.criteria.open("a") as file:
        file.write("compare_engines = true\n")


@fault("ENG-SATURATED", said="saturated pixels of NRCA1 the same")
def pedestals_of_saturated_pixels(space):
    """Change the pedestal of 0 by which the release knows a pixel that is saturated in its first group."""
    compare_engines(space)
    for ramps in every_exposure(space.delivery):
        ramps.pedestal[:, truth(space, "saturated")] = 1


@fault("ENG-RC", "ENG-ONLY", said="rc pixels of NRCA1 the same")
def pedestals_and_jumps_of_rc_pixels(space):
    """Change what the release knows rc pixels by; the jumps that their neighbours have from them then are nobody's."""
    compare_engines(space)
    where = truth(space, "rc")
    for ramps in every_exposure(space.delivery):
        ramps.pedestal[:, where] = 0
        ramps.groupdq[:, :, where] &= ~np.uint8(JUMP_DET)


@fault("ENG-LOW_PEDESTAL", said="low_pedestal pixels of NRCA1 the same")
def pedestals_that_come_and_go(space):
    """Plant pedestals that are low in seven of ten integrations: enough for a median, but fewer than four fifths."""
    compare_engines(space)
    seen = 0
    for ramps in every_exposure(space.delivery):
        for pedestal in ramps.pedestal:
            seen += 1
            if seen > 7:
                pedestal[truth(space, "low_pedestal")] = np.median(pedestal)


@fault("ENG-ONLY", said="its known defects explain all but")
def jumps_early_in_the_ramp(space):
    """Plant the flags of jumps that the ramps do not show: early ones, by which the release knows an rc pixel."""
    where = spread(30)
    for ramps in every_exposure(space.delivery):
        ramps.groupdq[:, 1:12, where] |= JUMP_DET
