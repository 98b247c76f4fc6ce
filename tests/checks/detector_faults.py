"""Faults in what a detector, amplifier, side or column has in common, planted in all exposures of the delivery."""

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import detector
from darkmask.simulate import read_truth

from .planting import BORDER, HERE, Faults, every_exposure
from .ramp_faults import FRAME, JUMP_DET, SATURATED, beside_defects, random, spread

fault = Faults("delivery")


@fault("CNT-REFERENCE_PIXEL", said="noisy")
def noisy_reference_pixels(space):
    where, numbers = np.zeros(FRAME, dtype=bool), random()
    where[1:3, 5::3] = where[7::5, -3] = True
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, where] += numbers.normal(0, 15, ramps.sci[:, :, where].shape).astype(np.float32)


@fault("CNT-REFERENCE_PIXEL", "CNT-REFERENCE_GOOD", said="left side, rows")
def a_stuck_reference_side(space):
    """Plant a side whose reads never change: no pixel of it stands out from the others."""
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, :, :4] = np.float32(12)
        ramps.rate[:, :, :4] = 0


@fault(("DRK-CURRENT", "NRCBLONG", "FULL"), said="Good pixels of NRCBLONG have a dark current of")
def light_leak(space):
    for ramps in every_exposure(space.delivery, "NRCBLONG"):
        ramps.add_signal(np.ones(FRAME, dtype=bool), 0.02)


@fault("DRK-LIGHT", said="more in jw01062001001_02101_00003_nrca1_jump.fits than in most exposures")
def a_lamp_in_one_exposure(space):
    """Plant light that falls into one exposure, which the median of all knows nothing of."""
    y, x = np.indices((128, 128))
    light = 0.06 * np.exp(-((y - 64) ** 2 + (x - 64) ** 2) / 2 / 40**2)
    inside = np.zeros(light.shape, bool)
    inside[4:-4, 4:-4] = True
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number == 3:
            ramps.add_levels(inside, light[inside] * ramps.seconds[None])


def add_settling(ramps, amount: float = 25.0, seconds: float = 15.0) -> None:
    """Let every ramp begin so many DN low after its reset, and its rate be that of a line through it."""
    level = -amount * np.exp(-ramps.seconds[:, 0] / seconds)
    ramps.add_levels(np.s_[BORDER:-BORDER, BORDER:-BORDER], level[None, :, None, None])


@fault(("DRK-CURRENT", "NRCBLONG", "FULL"), said="that settling after a reset adds to their rates")
def light_leak_beside_settling(space):
    """Plant what must not be taken for settling: half of what the rates rise by is charge."""
    for ramps in every_exposure(space.delivery, "NRCBLONG"):
        add_settling(ramps)
        ramps.add_signal(np.ones(FRAME, dtype=bool), 0.02)


@fault(
    *(("DRK-SETTLING", "NRCBLONG", "FULL"), ("INJ-PURITY", "NRCBLONG", "FULL")),
    said="The first read of good pixels of NRCBLONG lies",
)
def settling_of_an_absurd_size(space):
    """Plant what the dark current, without it, has no trace of, slow enough that no difference is large.

    Beside injected pixels some good ones jump in many integrations then: 20 here, and 3 of what is accepted.
    """
    for ramps in every_exposure(space.delivery, "NRCBLONG"):
        add_settling(ramps, 75.0, 40.0)


@fault("DRK-CURRENT", said="Good pixels of NRCA1 have a dark current of")
def light_that_comes_and_goes(space):
    """Plant a glow whose error is large and which is far above the published dark current all the same."""
    numbers = random()
    for ramps in every_exposure(space.delivery):
        for i in range(len(ramps.sci)):
            ramps.add_signal(np.ones(FRAME, dtype=bool), 0.02 + numbers.normal(0, 0.006), slice(i, i + 1))


@fault("DRK-FULL", "DRK-QUIET", said="hold more than 20,000 DN after a reset; some are x")
def saturation_that_nobody_flagged(space):
    """Plant amplifiers without the saturation step: what is full from the first group on has a rate of 0."""
    for ramps in every_exposure(space.delivery):
        full = (ramps.groupdq[:, 0] & SATURATED) != 0
        full[..., : FRAME[1] // 2] = False
        ramps.groupdq[..., FRAME[1] // 2 :] &= ~np.uint8(SATURATED)
        ramps.rate[full], ramps.pedestal[full] = 0, ramps.sci[:, 0][full]
        ramps.rate_dq[full] = 0


@fault("DRK-START", said="begin more than 1000 DN above the median of their amplifier; some are x")
def pixels_that_begin_high(space):
    """Plant pixels whose charge never leaves them by a reset, and which gather no other: what they hold differs."""
    where = spread(20)
    held = random().uniform(3000, 15_000, where.sum()).astype(np.float32)
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, where] += held
        ramps.pedestal[:, where] += held


@fault("DRK-QUIET", said="or reads that do not change any more")
def stuck_pixels(space):
    """Plant pixels that give one value in all reads, as those do that are at an end of the converter's range."""
    where = spread(20)
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, where], ramps.pedestal[:, where], ramps.rate[:, where] = 12, 12, 0
        ramps.groupdq[:, :, where] = 0


@fault("DRK-QUIET", said="or reads that do not change any more")
def ramps_of_one_integration_in_all(space):
    """Plant pixels whose ramps are those of the first integration in all others: too few for a row to be a copy."""
    where, first = spread(40), None
    for ramps in every_exposure(space.delivery):
        arrays = (ramps.sci, ramps.groupdq, ramps.pedestal, ramps.rate, ramps.rate_dq)
        first = first or [array[0][..., where].copy() for array in arrays]
        for array, one_of_them in zip(arrays, first, strict=True):
            array[..., where] = one_of_them


@fault("DRK-QUIET", said="the last read repeats the one before; some are x")
def ramps_that_freeze(space):
    """Plant pixels that give the value of a group in the middle to the end of each ramp, and its line as their rate."""
    y, x = np.nonzero(spread(20))
    for ramps in every_exposure(space.delivery):
        middle = ramps.sci.shape[1] // 2
        ramps.sci[:, middle:, y, x] = ramps.sci[:, middle : middle + 1, y, x]
        ramps.rate[:, y, x] = ramps.slopes(ramps.sci[:, :, y, x])
        ramps.pedestal[:, y, x] = ramps.sci[:, 0, y, x] - ramps.rate[:, y, x] * ramps.seconds[0, 0]


@fault("DRK-INDEPENDENT", said="of what the scatter between 10 integrations makes them")
def dark_of_the_same_exposures_subtracted(space):
    """Plant darks of which somebody subtracted their own mean, though no header tells, but for strong pixels."""
    sets = [ramps.rate.copy() for ramps in every_exposure(space.delivery)]
    mean = np.concatenate(sets).mean(axis=0)
    usual = np.isfinite(mean) & (np.abs(mean) < 0.05)
    for ramps in every_exposure(space.delivery):
        ramps.add_levels(usual, -mean[usual] * ramps.seconds[None])


@fault("DRK-SHOT", said="steady hot pixels of NRCA1 is, beyond that of good ones,")
def another_dark_subtracted_from_ramps(space):
    """Plant darks from which somebody subtracted half of another dark, that of a colder detector."""
    there = read_truth(space.truth, HERE)
    there = there[np.isin(there["category"], [Category.HOT, Category.WARM])]
    properties = detector(HERE)
    dark = np.zeros(FRAME)
    dark[there["y"], there["x"]] = 0.5 * np.array(there["strength"]) / properties.gain
    # As that dark shows it: each pixel couples into its neighbours.
    beside = [np.roll(dark, 1, axis) + np.roll(dark, -1, axis) for axis in (0, 1)]
    dark = (1 - 4 * properties.ipc) * dark + properties.ipc * sum(beside)
    for ramps in every_exposure(space.delivery):
        charge = dark * ramps.seconds[..., None]
        ramps.sci -= np.where((ramps.groupdq & SATURATED) == 0, charge, 0).astype(np.float32)
        ramps.rate -= dark.astype(np.float32)


@fault("DRK-NOISE", "DLV-FAINT", "DRK-SCALE", said="A group difference of the good pixels of NRCA1 has a noise of")
def noisy_detector(space):
    numbers = random()
    for ramps in every_exposure(space.delivery):
        ramps.sci += numbers.normal(0, 5, ramps.sci.shape).astype(np.float32)


@fault("DRK-EXPOSURES", said="the 5 exposures have")
def exposures_of_another_gain(space):
    """Plant three exposures of five whose counts are a tenth larger, as those of another gain are."""
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number >= 2:
            for array in (ramps.sci, ramps.pedestal, ramps.rate):
                array *= np.float32(1.10)


@fault("DRK-SCALE", "DLV-BRIGHT", "DLV-TOGETHER", "DLV-FAINT", said="bright pixels of NRCA1 rise by 0.8")
def rates_that_are_a_fifth_too_large(space):
    for ramps in every_exposure(space.delivery):
        ramps.rate *= np.float32(1.2)


@fault(
    *("DRK-EXPOSURES", "DRK-SCALE", "DLV-BRIGHT", "DLV-TOGETHER", ("DRK-CURRENT", "NRCBLONG", "FULL")),
    "DLV-FAINT",
    said="the 5 exposures have",
)
def exposures_of_another_gain_and_a_light_leak(space):
    """Plant two faults in one detector, and one in another."""
    rates_that_are_a_fifth_too_large(space)
    exposures_of_another_gain(space)
    light_leak(space)


@fault("DRK-COSMIC_RAYS", "DRK-AMPLIFIER", said="hits per pixel and second")
def no_cosmic_rays(space):
    """Plant ramps without the steps that cosmic rays left: darks that were not taken in space."""
    good = ~beside_defects(space)
    for ramps in every_exposure(space.delivery):
        hit = ((ramps.groupdq & JUMP_DET) != 0) & good
        steps = np.where(hit[:, 1:], np.diff(ramps.sci, axis=1), np.float32(0))
        ramps.sci[:, 1:] -= steps.cumsum(axis=1)
        ramps.groupdq[hit] &= ~np.uint8(JUMP_DET)


@fault("DRK-COSMIC_RAYS", said="hits per pixel and second")
def noise_flagged_as_jumps(space):
    numbers = random()
    for ramps in every_exposure(space.delivery):
        ramps.groupdq[:, 1:] |= np.where(
            numbers.random(ramps.groupdq[:, 1:].shape) < 0.01, np.uint8(JUMP_DET), np.uint8(0)
        )


def silence(space, amplifiers: tuple[slice, ...]) -> None:
    """Plant amplifiers that give read noise about the mean of their pixels, and no charge of any kind."""
    numbers, noise = random(), detector("NRCA1").read_noise
    for ramps in every_exposure(space.delivery):
        for columns in amplifiers:
            here = np.s_[..., BORDER:-BORDER, max(columns.start, BORDER) : min(columns.stop, FRAME[1] - BORDER)]
            shape = ramps.sci[here].shape
            drawn = numbers.normal(0, noise, shape)
            ramps.sci[here] = np.median(ramps.sci[here]) + drawn
            ramps.groupdq[here] = 0
            ramps.pixeldq[here] = 0
            ramps.rate[here] = ramps.slopes(drawn)
            # The pedestal is what the fit leaves of the first group: one that is not of its ramp is another fault.
            ramps.pedestal[here] = ramps.sci[:, 0][here] - ramps.rate[here] * ramps.seconds[0, 0]
            ramps.rate_dq[here] = 0


AMPLIFIER = tuple(slice(32 * i, 32 * i + 32) for i in range(4))


@fault("DRK-COSMIC_RAYS", "DRK-AMPLIFIER", "STR-SHARES", "ENG-ONLY", said="hits per pixel and second")
def an_amplifier_without_signal(space):
    silence(space, AMPLIFIER[1:2])


@fault("DRK-COSMIC_RAYS", "DRK-AMPLIFIER", "STR-SHARES", said="hits per pixel and second")
def three_amplifiers_without_signal(space):
    silence(space, AMPLIFIER[1:])


@fault("STR-FINDINGS", said="column 15 of NRCA1 wanders by")
def columns_that_wander(space):
    """Plant a level common to a column that moves from group to group, in columns of every amplifier."""
    columns, numbers = [x for first in (20, 52, 84, 116) for x in range(first - 11, first + 8, 6)], random()
    for ramps in every_exposure(space.delivery):
        integrations, groups = ramps.sci.shape[:2]
        level = numbers.normal(0, 3, (integrations, groups, len(columns))).cumsum(axis=1)
        ramps.add_levels(np.s_[:, columns], level[:, :, None])


@fault("DRK-OUTPUTS", said="in the amplifiers")
def an_amplifier_of_another_gain(space):
    """Plant an amplifier whose counts are a quarter larger: hits and noise alike, and rates are those of its ramps."""
    for ramps in every_exposure(space.delivery):
        for array in (ramps.sci, ramps.pedestal, ramps.rate):
            array[..., AMPLIFIER[1]] *= np.float32(1.25)


@fault("DRK-RESETS", said="DN off that of the other integrations in integration")
def resets_that_differ(space):
    """Plant levels after a reset that no reference pixel was subtracted from."""
    numbers = random()
    for ramps in every_exposure(space.delivery):
        for ramp, pedestal, flags in zip(ramps.sci, ramps.pedestal, ramps.groupdq, strict=True):
            level = np.float32(numbers.normal(0, 60))
            ramp += level
            # What is saturated from the first group on keeps the pedestal of no fit, 0.
            pedestal[(flags[0] & SATURATED) == 0] += level


@fault("DRK-PATTERN", said="DN against one another, and even and odd rows")
def columns_that_alternate(space):
    """Plant even columns that all move by two fifths of the noise of a read."""
    numbers = random()
    for ramps in every_exposure(space.delivery):
        ramps.add_levels(np.s_[:, ::2], numbers.normal(0, 2.1, (*ramps.sci.shape[:2], 1, 1)))


# What settles is fitted beside the step, and taken off the dark current.
@fault(
    "DRK-STEP",
    "DRK-CURRENT",
    "DLV-FAINT",
    "DLV-BRIGHT",
    "DRK-SCALE",
    said="DN in common, in group 13 of all integrations",
)
def a_step_of_all_ramps(space):
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, 12:] += np.float32(8)


@fault(
    "DRK-STEP",
    "DRK-LIGHT",
    said="DN in common, in group 10 of integration 2 of jw01062001001_02101_00003_nrca1_jump.fits",
)
def a_step_of_all_ramps_of_an_integration(space):
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number == 3:
            levels = np.where(np.arange(ramps.sci.shape[1]) < 9, 0, 20)[None, :, None, None] * np.ones((2, 1, 1, 1))
            levels[0] = 0
            ramps.add_levels(np.s_[:, :], levels)
